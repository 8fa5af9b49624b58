"""Analysis: the figures of an experiment, each of which asks for its own data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.responses import JSONResponse, Response

from sigtune.backend.errors import not_found
from sigtune.dashboard.pages.frame import experiment_of, framed, observations_of
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter
from sigtune.report import series as figures
from sigtune.report.results import Results

_MOST_KEPT = 100

Figure = Callable[[Results, Mapping[str, str]], Json]


def page(visit: Visit) -> Response:
    """GET /experiments/ID/analysis."""
    return framed(visit, experiment_of(visit), "analysis.html", tab="analysis")


def table(visit: Visit) -> Response:
    """GET /experiments/ID/table.json: the columns that every figure takes its points from."""
    return _kept(visit, figures.table_of)


def series(visit: Visit) -> Response:
    """GET /experiments/ID/series/NAME.json: what one figure shows besides the table."""
    figure = FIGURES.get(visit.ids["name"])
    if figure is None:
        raise not_found(f"no figure {visit.ids['name']}")
    return _kept(visit, lambda results: figure(results, visit.query))


def _kept(visit: Visit, make: Callable[[Results], Json]) -> Response:
    """Return what is made of the observations, once for all who ask while they do not change."""
    observations = observations_of(visit, experiment_of(visit))
    address = f"{visit.path}?{visit.query}"
    content = observations.figures.get(address)
    if content is None:
        content = bytes(JSONResponse(make(observations.results)).body)
        if len(observations.figures) < _MOST_KEPT:
            observations.figures[address] = content
    return Response(content, media_type="application/json")


def _history(results: Results, query: Mapping[str, str]) -> Json:
    return figures.history(results, _metric(results, query))


def _importance(results: Results, query: Mapping[str, str]) -> Json:
    return figures.importance(results, _metric(results, query))


def _parallel(results: Results, query: Mapping[str, str]) -> Json:
    return figures.parallel(results, _metric(results, query))


def _pareto(results: Results, query: Mapping[str, str]) -> Json:
    del query
    figure = figures.pareto(results)
    return figure or {"kind": "pareto", "title": "Pareto front", "reason": "It needs two optimized metrics."}


def _scatter(results: Results, query: Mapping[str, str]) -> Json:
    definition = results.definition
    keys = [*map(figures.key_of, definition.conditionals), *map(figures.key_of, definition.parameters)]
    keys += map(figures.key_of, definition.metrics)
    x, y, colour = (query.get(name) or None for name in ("x", "y", "colour"))
    for key in (x, y, colour):
        if key is not None and key not in keys:
            raise not_found(f"no column {key}")
    return figures.scatter(results, x or keys[0], y or keys[-1], colour)


def _contour(results: Results, query: Mapping[str, str]) -> Json:
    metric = _metric(results, query)
    numbers = [parameter for parameter in results.definition.parameters if parameter.categories is None]
    if len(numbers) < 2:
        return {"kind": "contour", "title": "Contour", "reason": "It needs two parameters that are numbers."}
    x, y = (_parameter(numbers, query.get(name), number) for number, name in enumerate(("x", "y")))
    if x is y:
        return {"kind": "contour", "title": "Contour", "reason": "Choose two different parameters."}
    return figures.contour(results, metric, x, y)


def _slice(results: Results, query: Mapping[str, str]) -> Json:
    x = _parameter(list(results.definition.parameters), query.get("x"), 0)
    return figures.model_slice(results, _metric(results, query), x)


FIGURES: dict[str, Figure] = {
    "history": _history,
    "importance": _importance,
    "scatter": _scatter,
    "parallel": _parallel,
    "contour": _contour,
    "slice": _slice,
    "pareto": _pareto,
}


def _metric(results: Results, query: Mapping[str, str]) -> Metric:
    """Return the metric that is asked for, or else the first that is optimized."""
    definition = results.definition
    wanted = query.get("metric")
    if wanted is None:
        return (*definition.optimized_metrics, *definition.metrics)[0]
    for metric in definition.metrics:
        if figures.key_of(metric) == wanted:
            return metric
    raise not_found(f"no metric {wanted}")


def _parameter(parameters: list[Parameter], key: str | None, default: int) -> Parameter:
    if not key:
        return parameters[default]
    for parameter in parameters:
        if figures.key_of(parameter) == key:
            return parameter
    raise not_found(f"no parameter {key}")
