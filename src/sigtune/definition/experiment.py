"""An experiment as a search sees it: what is tuned and reported, and what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments, Parameter


@dataclass(frozen=True)
class ExperimentDefinition:
    """What suggestions depend on: the parameters and the metrics, in the order they were defined."""

    parameters: tuple[Parameter, ...]
    metrics: tuple[Metric, ...]

    @property
    def optimized_metrics(self) -> tuple[Metric, ...]:
        """The one or two metrics that steer the search."""
        return tuple(metric for metric in self.metrics if metric.strategy == "optimize")

    @property
    def constraints(self) -> tuple[Metric, ...]:
        """The metrics whose thresholds the best assignments meet."""
        return tuple(metric for metric in self.metrics if metric.strategy == "constraint")


@dataclass(frozen=True)
class Observation:
    """An observation as the search sees it: where, and the value of each metric; None if it failed."""

    assignments: Assignments
    values: Mapping[str, float] | None
