"""Contour and slice: what the model of the observations expects over two parameters, or over one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments, Parameter
from sigtune.report.results import Results
from sigtune.report.series.axes import Json, key_of, metric_label, rounded, through_text

STEPS = 30
"""Into how many steps each of the two axes of a contour is divided."""

SLICE_STEPS = 60
"""Into how many steps the axis of a slice is divided."""


def contour(results: Results, metric: Metric, x: Parameter, y: Parameter, seed: int = 0) -> Json:
    """Return the contour of an optimized metric, through the best observation; it imports torch.

    Where there is nothing to model, or the packages of [local] are not installed, the figure has a `reason`.
    """
    figure: Json = {
        "kind": "contour",
        "title": f"{metric_label(metric)} over {x.name} and {y.name}, by the model",
        "x": key_of(x),
        "y": key_of(y),
        "metric": metric_label(metric),
        "xs": [],
        "ys": [],
        "medians": [],
        "through": "",
        "best": [observation.number for observation in results.best],
    }
    return _modelled(figure, results, metric, (x, y), lambda: _contour(results, metric, x, y, seed))


def model_slice(results: Results, metric: Metric, x: Parameter, seed: int = 0) -> Json:
    """Return an optimized metric over one parameter with 95 % intervals, through the best observation.

    `expected` is the observation that the model expects to be the best: with noise it may be another than the
    one whose value was the best. It imports torch; without its packages the figure has a `reason`.
    """
    figure: Json = {
        "kind": "slice",
        "title": f"{metric_label(metric)} over {x.name}, by the model",
        "x": key_of(x),
        "metric": key_of(metric),
        "xs": [],
        "medians": [],
        "lows": [],
        "highs": [],
        "through": "",
        "expected": None,
        "best": [observation.number for observation in results.best],
    }
    return _modelled(figure, results, metric, (x,), lambda: _slice(results, metric, x, seed))


def is_model_loaded() -> bool:
    """Return whether this process has imported what the model is computed with."""
    return "sigtune.optimizer.engines.model.surrogate" in sys.modules


def _modelled(
    figure: Json,
    results: Results,
    metric: Metric,
    parameters: tuple[Parameter, ...],
    model: Callable[[], Mapping[str, object]],
) -> Json:
    """Return the figure with what the model has computed, or with the reason why it has not."""
    reason = _reason(results, metric, parameters)
    if reason:
        return {**figure, "reason": reason}
    try:
        modelled = model()
    except ImportError as error:
        return {**figure, "reason": f"The model needs a package that is not installed: {error.name}."}
    if not modelled:
        return {**figure, "reason": "All observations are equal so far: there is nothing to model."}
    return {**figure, **modelled}


def _reason(results: Results, metric: Metric, parameters: tuple[Parameter, ...]) -> str:
    active = results.best[0].assignments if results.best else {}
    if metric.strategy != "optimize":
        return "Only a metric that is optimized is modelled."
    if not results.best:
        return "Nothing has succeeded yet."
    if any(parameter.name not in active for parameter in parameters):
        return f"The best observation has no value of {_one_of(parameters)}."
    return ""


def _one_of(parameters: tuple[Parameter, ...]) -> str:
    return parameters[0].name if len(parameters) == 1 else "one of the two parameters"


def _contour(results: Results, metric: Metric, x: Parameter, y: Parameter, seed: int) -> Json:
    from sigtune.optimizer.model_view import along, contour_points, predictions

    definition, through = results.definition, results.best[0].assignments
    points = contour_points(x, y, through, STEPS)
    expected = predictions(definition, results.observations, metric, points, seed)
    if not expected:
        return {}
    xs, ys = along(x, STEPS), along(y, STEPS)
    medians = [rounded(prediction.median) for prediction in expected]
    return {
        "xs": [rounded(value) for value in xs],
        "ys": [rounded(value) for value in ys],
        "medians": [medians[row * len(xs) : (row + 1) * len(xs)] for row in range(len(ys))],
        "through": _others(through, x, y),
    }


def _slice(results: Results, metric: Metric, x: Parameter, seed: int) -> Json:
    from sigtune.optimizer.model_view import feasible_points, predicted_best, predictions, slice_points

    definition, through = results.definition, results.best[0].assignments
    points = slice_points(x, through, SLICE_STEPS)
    feasible = feasible_points(definition, results.observations)
    modelled = predictions(definition, results.observations, metric, [*points, *feasible], seed)
    expected, best = modelled[: len(points)], predicted_best(modelled[len(points) :], metric)
    if best is None:
        return {}
    number = next(each.number for each in results.succeeded if each.assignments == best.assignments)
    return {
        "xs": [rounded(each.assignments[x.name]) for each in expected],
        "medians": [rounded(each.median) for each in expected],
        "lows": [rounded(each.low) for each in expected],
        "highs": [rounded(each.high) for each in expected],
        "through": _others(through, x),
        "expected": {
            "number": number,
            "median": rounded(best.median),
            "low": rounded(best.low),
            "high": rounded(best.high),
        },
    }


def _others(through: Assignments, *free: Parameter) -> str:
    names = {parameter.name for parameter in free}
    return through_text({name: value for name, value in through.items() if name not in names})
