"""Small searches to try suggestions on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sigtune.definition.experiment import ExperimentDefinition, Observation, Suggestion
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter
from sigtune.optimizer.suggest import suggest

SQUARE = (Parameter("x", "double", bounds=(0.0, 1.0)), Parameter("y", "double", bounds=(0.0, 1.0)))
SCORE = (Metric("score"),)

Point: TypeAlias = dict[str, Any]
Evaluate: TypeAlias = Callable[[Point], "dict[str, float] | None"]


def definition(
    parameters: Sequence[Parameter] = SQUARE, metrics: Sequence[Metric] = SCORE, **fields: Any
) -> ExperimentDefinition:
    """Return an experiment of a square with a score, but for the fields given."""
    return ExperimentDefinition(tuple(parameters), tuple(metrics), **fields)


def point(
    space: ExperimentDefinition,
    outcomes: Sequence[Observation] = (),
    open_points: Sequence[Point] = (),
    index: int = 0,
    seed: int = 0,
) -> Point:
    """Return the assignments of a suggestion."""
    suggestions = [Suggestion(assignments) for assignments in open_points]
    return suggest(space, outcomes, suggestions, index, seed).assignments


def points(space: ExperimentDefinition, count: int, seed: int = 0) -> list[Point]:
    """Return the first suggestions of an experiment of which nothing is known yet."""
    return [point(space, index=index, seed=seed) for index in range(count)]


def search(space: ExperimentDefinition, evaluate: Evaluate, count: int, seed: int = 0) -> list[Observation]:
    """Return the outcomes of a search without parallel suggestions."""
    outcomes: list[Observation] = []
    for index in range(count):
        suggestion = suggest(space, outcomes, [], index, seed)
        outcomes.append(
            Observation(suggestion.assignments, evaluate(suggestion.assignments), suggestion.task)
        )
    return outcomes


def observed(space_points: Sequence[Point], evaluate: Evaluate) -> list[Observation]:
    """Return observations of points, as they are imported from elsewhere."""
    return [Observation(assignments, evaluate(assignments)) for assignments in space_points]


def bowl(assignments: Point) -> dict[str, float]:
    """Return a score that is best, 0, at (0.73, 0.21)."""
    return {"score": -((assignments["x"] - 0.73) ** 2) - (assignments["y"] - 0.21) ** 2}


def scores(outcomes: Sequence[Observation]) -> list[float]:
    """Return the scores of the observations that did not fail."""
    return [outcome.values["score"] for outcome in outcomes if outcome.values is not None]
