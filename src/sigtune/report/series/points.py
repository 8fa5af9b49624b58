"""Figures whose points are the table's rows: scatter and parallel coordinates."""

from __future__ import annotations

from sigtune.definition.metrics import Metric
from sigtune.report.results import Results
from sigtune.report.series.axes import Json, key_of, metric_label
from sigtune.report.series.importance import most_important

MOST_PARAMETERS = 12
"""More axes of parallel coordinates than these cannot be told apart."""


def scatter(results: Results, x: str, y: str, colour: str | None = None) -> Json:
    """Return a scatter of two columns, coloured by a third one; each is meant by its key."""
    title = f"{_name(y)} against {_name(x)}"
    best = [observation.number for observation in results.best]
    return {"kind": "scatter", "title": title, "x": x, "y": y, "colour": colour, "best": best}


def parallel(results: Results, metric: Metric) -> Json:
    """Return parallel coordinates: conditionals, parameters, then metrics, coloured by one of these.

    Of many parameters there are those that matter most to this metric.
    """
    definition = results.definition
    parameters, title = definition.parameters, f"Parallel coordinates, coloured by {metric_label(metric)}"
    if len(parameters) > MOST_PARAMETERS:
        first = most_important(results, metric)[:MOST_PARAMETERS]
        parameters = tuple(parameter for parameter in parameters if parameter.name in first)
        title += f": {len(parameters)} of {len(definition.parameters)} parameters"
    return {
        "kind": "parallel",
        "title": title,
        "dimensions": [
            *map(key_of, definition.conditionals),
            *map(key_of, parameters),
            *map(key_of, definition.metrics),
        ],
        "colour": key_of(metric),
        "best": [observation.number for observation in results.best],
    }


def _name(key: str) -> str:
    return key.partition(":")[2] or "value"
