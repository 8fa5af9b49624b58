"""How much of an experiment's observation budget is left, and whether an open suggestion has a part in it.

A SigOpt serves suggestions beyond the budget. So each worker decides by what any server shows of the open
suggestions: those that are older than its own come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sigtune.definition.tasks import FULL_COST
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.leases import is_in_work

# Costs of tasks are decimal fractions, whose sums differ in the last bits.
_DIGITS = 9


class Budget:
    """The budget as SigOpt said last, and the observations of this process since.

    An observation consumes the cost of its task, which is 1 where there are no tasks.
    """

    def __init__(self, experiment: SigOptExperiment) -> None:
        self._experiment = experiment
        self._limit: float | None = None
        self._consumed: float | None = None  # before it was read

    @property
    def is_consumed(self) -> bool:
        """Whether there is a budget, and it is known to be consumed."""
        return self._limit is not None and self._consumed is not None and self._consumed >= self._limit

    def count(self, cost: float) -> None:
        """Count an observation that this process has made."""
        if self._consumed is not None:
            self._consumed = round(self._consumed + cost, _DIGITS)

    def excess(self, open_cost: float) -> float:
        """Return by how much open suggestions of this cost exceed the budget; SigOpt is asked."""
        self._read()
        return self._excess(open_cost)

    def leaves_room(self, open_cost: float) -> bool:
        """Return whether there is budget beyond open suggestions of this cost.

        SigOpt is asked only where none is known of: what others have consumed meanwhile `exceeds` finds out.
        """
        if self._consumed is None or self._excess(open_cost) >= 0:
            self._read()
        return self._excess(open_cost) < 0

    def exceeds(self, suggestion: Any, counts: Callable[[Any], bool] = is_in_work) -> bool:
        """Return whether observations and older open suggestions leave nothing for the open `suggestion`.

        `counts` says which of the others will become observations.
        """
        before = None
        while True:
            older = [
                entry
                for entry in self._experiment.open_suggestions()
                if int(entry.id) < int(suggestion.id) and counts(entry)
            ]
            self._read()
            if self._excess(total_cost(older)) < 0:
                return False
            # One that was reported between the two readings was counted twice: all is read again. Each
            # report brings the end of the budget nearer, so this ends.
            if self.is_consumed or self._consumed == before:
                return True
            before = self._consumed

    def _excess(self, open_cost: float) -> float:
        if self._limit is None:
            return float("-inf")
        return round((self._consumed or 0.0) + open_cost - self._limit, _DIGITS)

    def _read(self) -> None:
        details = self._experiment.get_experiment_details()
        self._limit = details.observation_budget
        self._consumed = details.progress.observation_budget_consumed


def total_cost(suggestions: Iterable[Any]) -> float:
    """Return what the observations of these suggestions will consume."""
    return sum(entry.task.cost if entry.task else FULL_COST for entry in suggestions)
