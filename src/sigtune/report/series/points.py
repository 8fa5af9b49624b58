"""Figures whose points are the table's rows: scatter and parallel coordinates."""

from __future__ import annotations

from sigtune.definition.metrics import Metric
from sigtune.report.results import Results
from sigtune.report.series.axes import Json, key_of, metric_label


def scatter(results: Results, x: str, y: str, colour: str | None = None) -> Json:
    """Return a scatter of two columns, coloured by a third one; each is meant by its key."""
    title = f"{_name(y)} against {_name(x)}"
    best = [observation.number for observation in results.best]
    return {"kind": "scatter", "title": title, "x": x, "y": y, "colour": colour, "best": best}


def parallel(results: Results, metric: Metric) -> Json:
    """Return parallel coordinates: every conditional and parameter, then the metrics, coloured by one."""
    definition = results.definition
    return {
        "kind": "parallel",
        "title": f"Parallel coordinates, coloured by {metric_label(metric)}",
        "dimensions": [
            *map(key_of, definition.conditionals),
            *map(key_of, definition.parameters),
            *map(key_of, definition.metrics),
        ],
        "colour": key_of(metric),
        "best": [observation.number for observation in results.best],
    }


def _name(key: str) -> str:
    return key.partition(":")[2] or "value"
