"""The Pareto front of two optimized metrics."""

from __future__ import annotations

from sigtune.report.results import Results
from sigtune.report.series.axes import Json, key_of, metric_label


def pareto(results: Results) -> Json | None:
    """Return the figure of the Pareto front; None for an experiment without two optimized metrics."""
    optimized = results.definition.optimized_metrics
    if len(optimized) != 2:
        return None
    x, y = optimized
    front = sorted(results.best, key=lambda observation: (observation.values or {})[x.name])
    return {
        "kind": "pareto",
        "title": f"Pareto front of {metric_label(x)} and {metric_label(y)}",
        "x": key_of(x),
        "y": key_of(y),
        "front": [observation.number for observation in front],
        "thresholds": [x.threshold, y.threshold],
    }
