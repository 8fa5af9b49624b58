"""History: a metric by observation, and the best of it so far."""

from __future__ import annotations

from sigtune.definition.metrics import Metric
from sigtune.definition.ranking import best_so_far
from sigtune.report.results import Results
from sigtune.report.series.axes import Json, key_of, metric_label, rounded


def history(results: Results, metric: Metric) -> Json:
    """Return the history of a metric; the best of a Pareto front are the best of the experiment."""
    changes: list[list[float]] = []
    for observation, value in zip(
        results.observations, best_so_far(results.observations, results.definition, metric), strict=True
    ):
        if value is not None and (not changes or changes[-1][1] != rounded(value)):
            changes.append([observation.number, rounded(value)])
    return {
        "kind": "history",
        "title": f"History of {metric_label(metric)}",
        "metric": key_of(metric),
        "best_so_far": changes,
        "best": [observation.number for observation in results.best],
        "threshold": metric.threshold,
    }
