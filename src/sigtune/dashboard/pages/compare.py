"""Compare: the best-seen traces of several experiments in one picture."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sigtune.dashboard.pages.experiments import row_of
from sigtune.dashboard.pages.frame import observations_of
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit
from sigtune.report.series import history

_MOST = 12


def page(visit: Visit) -> Response:
    """GET /compare?experiment=1&experiment=2."""
    experiments = _experiments(visit)
    rows = [row_of(experiment) for experiment in experiments]
    return visit.page("compare.html", rows=rows, query=str(visit.query))


def data(visit: Visit) -> Response:
    """GET /compare.json: for each metric that two of them have, or one of one, a line for each experiment."""
    lines: dict[str, list[Json]] = {}
    for experiment in _experiments(visit):
        results = observations_of(visit, experiment).results
        for metric in results.definition.optimized_metrics:
            trace = _steps(history(results, metric)["best_so_far"], len(results.observations))
            label = f"{experiment['id']} {experiment['name']}"
            lines.setdefault(metric.name or "value", []).append({"label": label, "number": None, **trace})
    figures = [
        {
            "kind": "curves",
            "title": f"Best {name} so far",
            "metric": name,
            "along": "observation",
            "lines": each,
        }
        for name, each in lines.items()
    ]
    return JSONResponse(figures)


def _experiments(visit: Visit) -> list[Json]:
    asked = [text for text in visit.query.getlist("experiment") if text.isdecimal()]
    return [visit.source.get("experiments", number) for number in dict.fromkeys(asked[:_MOST])]


def _steps(changes: list[list[float]], count: int) -> dict[str, list[float]]:
    """Return a trace as a staircase: the value before each change once more, and the last up to the end."""
    xs: list[float] = []
    ys: list[float] = []
    for number, value in changes:
        if ys:
            xs.append(number)
            ys.append(ys[-1])
        xs.append(number)
        ys.append(value)
    if ys and xs[-1] < count:
        xs.append(count)
        ys.append(ys[-1])
    return {"x": xs, "y": ys}
