"""What a suggestion is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sigtune.definition.experiment import ExperimentDefinition, Observation, Suggestion
from sigtune.definition.parameters import Assignments, Value

PointKey: TypeAlias = tuple[Value | None, ...]


@dataclass(frozen=True)
class SearchState:
    """An experiment, what was observed, what is open, and which random numbers to use.

    `index` is the number of the suggestion, from 0; it tells apart suggestions that are made at once.
    """

    definition: ExperimentDefinition
    outcomes: Sequence[Observation]
    open_suggestions: Sequence[Suggestion]
    index: int
    seed: int

    @property
    def successes(self) -> list[Observation]:
        """The observations that did not fail."""
        return [outcome for outcome in self.outcomes if outcome.values is not None]

    @property
    def own_seed(self) -> int:
        """A seed that no other suggestion of the experiment has."""
        return int(np.random.SeedSequence([self.seed, self.index]).generate_state(1)[0])

    def key(self, assignments: Assignments) -> PointKey:
        """Return what tells a point from others."""
        conditionals = [conditional.name for conditional in self.definition.conditionals]
        parameters = [parameter.name for parameter in self.definition.parameters]
        return tuple(assignments.get(name) for name in conditionals + parameters)

    @property
    def tried(self) -> list[Suggestion]:
        """What was observed, then what is open."""
        observed = [Suggestion(outcome.assignments, outcome.task) for outcome in self.outcomes]
        return observed + list(self.open_suggestions)

    def taken(self, task: str | None) -> set[PointKey]:
        """Return the points that are observed or open, those of another task aside."""
        return {self.key(tried.assignments) for tried in self.tried if tried.task == task}
