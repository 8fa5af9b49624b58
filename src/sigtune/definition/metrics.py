"""Metrics: the quantities that an observation reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A reported quantity; those with strategy `optimize` or `constraint` steer the search.

    A `constraint` is met by values on the better side of its `threshold`, the threshold itself included.
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
