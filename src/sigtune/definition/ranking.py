"""Which observations are the best: the feasible ones that no other dominates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Value
from sigtune.definition.tasks import full_task
from sigtune.definition.unit_cube import distance


class Reported(Protocol):
    """Anything that carries the metric values of an observation, or None for a failed one."""

    @property
    def values(self) -> Mapping[str, float] | None:
        """The value of each metric by name."""


class Placed(Reported, Protocol):
    """An observation that says where it was made, and by which task."""

    @property
    def assignments(self) -> Mapping[str, Value]:
        """The value of each active parameter and conditional."""

    @property
    def task(self) -> str | None:
        """The name of the task, in an experiment that has tasks."""


R = TypeVar("R", bound=Reported)
P = TypeVar("P", bound=Placed)

_SOLUTIONS_FROM = 0.2
"""Several solutions are looked for among this share of the observations, the best ones."""


def best(observations: Sequence[R], metrics: Sequence[Metric]) -> list[R]:
    """Return the best of the feasible observations, in the order they come in.

    With one metric to optimize that is one observation at most, the last of equals; with two the Pareto
    front, with all equals that are on it; with none, where there are constraints only, every feasible one. A
    SigOpt server chooses alike.
    """
    optimized = [metric for metric in metrics if metric.strategy == "optimize"]
    scores = {
        index: _scores(observation, optimized)
        for index, observation in enumerate(observations)
        if is_feasible(observation.values, metrics)
    }
    if len(optimized) == 1:
        return [observations[max(scores, key=lambda index: (scores[index], index))]] if scores else []
    front: list[int] = []
    # From the highest scores down none is dominated by one that comes after it.
    for index in sorted(scores, key=lambda index: scores[index], reverse=True):
        if not any(dominates(scores[other], scores[index]) for other in front):
            front.append(index)
    return [observations[index] for index in sorted(front)]


def best_first(observations: Sequence[R], metrics: Sequence[Metric]) -> list[R]:
    """Return the observations with the best first: by the one metric to optimize, or those of the front.

    After the feasible ones come those that miss a threshold, and last the failed.
    """
    optimized = [metric for metric in metrics if metric.strategy == "optimize"]
    front = best(observations, metrics)

    def rank(observation: R) -> tuple[float, ...]:
        if observation.values is None:
            return (3,)
        if not is_feasible(observation.values, metrics):
            return (2,)
        if any(observation is one for one in front):
            return (0,)
        return (1, *(-score for score in _scores(observation, optimized) if len(optimized) == 1))

    return sorted(observations, key=rank)


def best_of_experiment(observations: Sequence[P], definition: ExperimentDefinition) -> list[P]:
    """Return the best observations as `best` does, those of cheaper tasks left out.

    With `num_solutions` above 1 these are as many good observations that lie far from one another.
    """
    observations = [observation for observation in observations if _is_full(observation, definition)]
    if definition.num_solutions == 1:
        return best(observations, definition.metrics)
    return _solutions(observations, definition)


def best_so_far(
    observations: Sequence[Placed], definition: ExperimentDefinition, metric: Metric
) -> list[float | None]:
    """Return at each observation the best value of a metric until then, of the feasible by the full task.

    None before the first of these.
    """
    values: list[float | None] = []
    highest: float | None = None
    for observation in observations:
        if _is_full(observation, definition) and is_feasible(observation.values, definition.metrics):
            assert observation.values is not None
            value = observation.values[metric.name]
            if highest is None or metric.score(value) >= metric.score(highest):
                highest = value
        values.append(highest)
    return values


def _is_full(observation: Placed, definition: ExperimentDefinition) -> bool:
    return not definition.tasks or observation.task == full_task(definition.tasks).name


def is_feasible(values: Mapping[str, float] | None, metrics: Sequence[Metric]) -> bool:
    """Return whether the values, of an observation that did not fail, meet the threshold of every metric."""
    if values is None:
        return False
    return all(
        metric.violation(values[metric.name]) <= 0 for metric in metrics if metric.threshold is not None
    )


def dominates(scores: Sequence[float], others: Sequence[float]) -> bool:
    """Return whether every one of the scores is at least as high as the other, and one is higher."""
    pairs = list(zip(scores, others, strict=True))
    return all(ours >= theirs for ours, theirs in pairs) and any(ours > theirs for ours, theirs in pairs)


def _scores(observation: Reported, metrics: Sequence[Metric]) -> tuple[float, ...]:
    assert observation.values is not None
    return tuple(metric.score(observation.values[metric.name]) for metric in metrics)


def _solutions(observations: Sequence[P], definition: ExperimentDefinition) -> list[P]:
    """Return the best observation, then again and again that of the good ones which is farthest from them."""
    [metric] = definition.optimized_metrics
    feasible = [item for item in observations if is_feasible(item.values, definition.metrics)]
    ranked = sorted(feasible, key=lambda item: _scores(item, [metric]), reverse=True)
    count = max(definition.num_solutions, math.ceil(_SOLUTIONS_FROM * len(observations)))
    good = ranked[:count]
    chosen = good[:1]
    while good[len(chosen) :] and len(chosen) < definition.num_solutions:
        chosen.append(
            max(
                (item for item in good if not any(item is other for other in chosen)),
                key=lambda item: min(
                    distance(definition.parameters, item.assignments, other.assignments) for other in chosen
                ),
            )
        )
    return [item for item in ranked if any(item is other for other in chosen)]
