"""Metrics: the quantities that an observation reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNNAMED = ""
"""The name of the metric of an experiment that names none; SigOpt's answers have null there."""


@dataclass(frozen=True)
class Metric:
    """A reported quantity; those with strategy `optimize` or `constraint` steer the search.

    A `threshold` is met by values on the better side of it, the threshold itself included. A constraint has
    one; of two optimized metrics each may have one, which says where their trade-off becomes interesting.
    """

    name: str
    objective: str = "maximize"
    strategy: str = "optimize"
    threshold: float | None = None

    def score(self, value: float) -> float:
        """Return the value, or its negative where the metric is minimized: the higher, the better."""
        return -value if self.objective == "minimize" else value

    def violation(self, value: float) -> float:
        """Return by how much a value misses the threshold; 0 or less where it meets it."""
        if self.threshold is None:
            raise TypeError(f"metric {self.name} has no threshold")
        return self.score(self.threshold) - self.score(value)


def metric_from_json(definition: Any) -> Metric:
    """Build a metric from a definition in SigOpt's shape, an object or a name, that validation has passed."""
    metric = metric_object(definition)
    return Metric(
        name=metric.get("name") or UNNAMED,
        objective=metric.get("objective") or "maximize",
        strategy=metric.get("strategy") or "optimize",
        threshold=metric.get("threshold"),
    )


def metric_object(metric: Any) -> Any:
    """Return a metric as an object: SigOpt also takes a bare name."""
    return {"name": metric} if isinstance(metric, str) else metric


def metric_objects(metrics: Any) -> list[Mapping[str, Any]]:
    """Return the metrics of a definition that have the shape of one; without any there is one, unnamed."""
    if metrics is None:
        return [{"name": None}]
    objects = [metric_object(metric) for metric in metrics] if isinstance(metrics, list | tuple) else []
    return [metric for metric in objects if isinstance(metric, Mapping)]
