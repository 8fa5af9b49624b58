"""Which observations are the best: the feasible ones that no other dominates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from sigtune.definition.metrics import Metric


class Reported(Protocol):
    """Anything that carries the metric values of an observation, or None for a failed one."""

    @property
    def values(self) -> Mapping[str, float] | None:
        """The value of each metric by name."""


R = TypeVar("R", bound=Reported)


def best(observations: Sequence[R], metrics: Sequence[Metric]) -> list[R]:
    """Return the best of the feasible observations, in the order they come in.

    With one metric to optimize that is one observation at most, the last of equals; otherwise the Pareto
    front, with all equals that are on it. A SigOpt server chooses alike.
    """
    optimized = [metric for metric in metrics if metric.strategy == "optimize"]
    scores = {
        index: tuple(metric.score(observation.values[metric.name]) for metric in optimized)
        for index, observation in enumerate(observations)
        if observation.values is not None and is_feasible(observation.values, metrics)
    }
    if len(optimized) == 1:
        return [observations[max(scores, key=lambda index: (scores[index], index))]] if scores else []
    front: list[int] = []
    # From the highest scores down none is dominated by one that comes after it.
    for index in sorted(scores, key=lambda index: scores[index], reverse=True):
        if not any(dominates(scores[other], scores[index]) for other in front):
            front.append(index)
    return [observations[index] for index in sorted(front)]


def is_feasible(values: Mapping[str, float], metrics: Sequence[Metric]) -> bool:
    """Return whether the values meet the threshold of every constraint."""
    constraints = (metric for metric in metrics if metric.strategy == "constraint")
    return all(metric.violation(values[metric.name]) <= 0 for metric in constraints)


def dominates(scores: Sequence[float], others: Sequence[float]) -> bool:
    """Return whether every one of the scores is at least as high as the other, and one is higher."""
    pairs = list(zip(scores, others, strict=True))
    return all(ours >= theirs for ours, theirs in pairs) and any(ours > theirs for ours, theirs in pairs)
