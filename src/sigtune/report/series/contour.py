"""Contour: what the model of the observations expects of a metric over two parameters."""

from __future__ import annotations

import sys

from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter
from sigtune.report.results import Results
from sigtune.report.series.axes import Json, key_of, metric_label, rounded, through_text

STEPS = 30
"""Into how many steps each of the two axes is divided."""


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
    reason = _reason(results, metric, x, y)
    if reason:
        return {**figure, "reason": reason}
    try:
        return {**figure, **_modelled(results, metric, x, y, seed)}
    except ImportError as error:
        return {**figure, "reason": f"The model needs a package that is not installed: {error.name}."}


def is_model_loaded() -> bool:
    """Return whether this process has imported what the model is computed with."""
    return "sigtune.optimizer.engines.model.surrogate" in sys.modules


def _reason(results: Results, metric: Metric, x: Parameter, y: Parameter) -> str:
    active = results.best[0].assignments if results.best else {}
    if metric.strategy != "optimize":
        return "Only a metric that is optimized is modelled."
    if not results.best:
        return "Nothing has succeeded yet."
    if x.name not in active or y.name not in active:
        return "The best observation has no value of one of the two parameters."
    return ""


def _modelled(results: Results, metric: Metric, x: Parameter, y: Parameter, seed: int) -> Json:
    from sigtune.optimizer.model_view import along, contour_points, predictions

    definition, through = results.definition, results.best[0].assignments
    points = contour_points(x, y, through, STEPS)
    expected = predictions(definition, results.observations, metric, points, seed)
    if not expected:
        return {"reason": "All observations are equal so far: there is nothing to model."}
    xs, ys = along(x, STEPS), along(y, STEPS)
    medians = [rounded(prediction.median) for prediction in expected]
    others = {name: value for name, value in through.items() if name not in (x.name, y.name)}
    return {
        "xs": [rounded(value) for value in xs],
        "ys": [rounded(value) for value in ys],
        "medians": [medians[row * len(xs) : (row + 1) * len(xs)] for row in range(len(ys))],
        "through": through_text(others),
    }
