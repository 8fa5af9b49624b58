"""An experiment as a search sees it: what is tuned and reported, what is suggested, what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sigtune.definition.conditionals import Conditional, all_hold, conditional_from_json
from sigtune.definition.constraints import LinearConstraint, constraint_from_json
from sigtune.definition.metrics import Metric, metric_from_json, metric_objects
from sigtune.definition.parameters import Assignments, Parameter, parameter_from_json
from sigtune.definition.tasks import Task, task_from_json


@dataclass(frozen=True)
class ExperimentDefinition:
    """What suggestions depend on; parameters, conditionals and metrics in the order they were defined.

    `type` is `offline` (a model chooses), `random` or `grid`. `observation_budget` counts an observation by
    the cost of its task.
    """

    parameters: tuple[Parameter, ...]
    metrics: tuple[Metric, ...]
    conditionals: tuple[Conditional, ...] = ()
    linear_constraints: tuple[LinearConstraint, ...] = ()
    tasks: tuple[Task, ...] = ()
    type: str = "offline"
    num_solutions: int = 1
    observation_budget: int | None = None
    parallel_bandwidth: int | None = None

    @property
    def optimized_metrics(self) -> tuple[Metric, ...]:
        """The metrics that are made as good as possible: none, one or two."""
        return tuple(metric for metric in self.metrics if metric.strategy == "optimize")

    @property
    def constraints(self) -> tuple[Metric, ...]:
        """The metrics whose thresholds the best assignments meet."""
        return tuple(metric for metric in self.metrics if metric.strategy == "constraint")

    def active_parameters(self, assignments: Mapping[str, Any]) -> tuple[Parameter, ...]:
        """Return the parameters that have a value where the conditionals are as assigned."""
        return tuple(p for p in self.parameters if all_hold(p.conditions, assignments))

    def meets_linear_constraints(self, assignments: Mapping[str, Any]) -> bool:
        """Return whether the assignments meet every linear constraint."""
        return all(constraint.is_met(assignments) for constraint in self.linear_constraints)


@dataclass(frozen=True)
class Suggestion:
    """A point to try, and by which task in an experiment that has tasks."""

    assignments: Assignments
    task: str | None = None


@dataclass(frozen=True)
class Observation:
    """An observation as the search sees it: where, and the value of each metric; None if it failed.

    `stddevs` are the standard deviations of values, of those metrics for which they were reported.
    """

    assignments: Assignments
    values: Mapping[str, float] | None
    task: str | None = None
    stddevs: Mapping[str, float] = field(default_factory=dict)


def definition_from_json(definition: Mapping[str, Any]) -> ExperimentDefinition:
    """Build an experiment from a definition in SigOpt's shape that validation has passed."""
    parameters = tuple(parameter_from_json(item) for item in definition["parameters"])
    kind = definition.get("type") or "offline"
    budget = definition.get("observation_budget")
    return ExperimentDefinition(
        parameters=parameters,
        metrics=tuple(metric_from_json(item) for item in metric_objects(definition.get("metrics"))),
        conditionals=tuple(conditional_from_json(item) for item in definition.get("conditionals") or ()),
        linear_constraints=tuple(
            constraint_from_json(item) for item in definition.get("linear_constraints") or ()
        ),
        tasks=tuple(task_from_json(item) for item in definition.get("tasks") or ()),
        type=kind,
        num_solutions=definition.get("num_solutions") or 1,
        observation_budget=grid_size(parameters) if kind == "grid" else budget,
        parallel_bandwidth=definition.get("parallel_bandwidth"),
    )


def grid_size(parameters: tuple[Parameter, ...]) -> int:
    """Return the number of points of a finite space, which is the budget of an experiment of type grid."""
    size = 1
    for parameter in parameters:
        assert parameter.choices is not None
        size *= len(parameter.choices)
    return size
