"""Experiments of type grid: every point once, in order."""

from __future__ import annotations

from sigtune.definition.parameters import Assignments
from sigtune.optimizer.space_filling import legal_choices
from sigtune.optimizer.state import SearchState


def propose(state: SearchState, task: str | None) -> Assignments:
    """Return the first point of the grid that is not taken; when all are, the next one from the start."""
    taken = state.taken(task)
    for point in legal_choices(state.definition):
        if state.key(point) not in taken:
            return point
    points = list(legal_choices(state.definition))
    return points[(len(state.outcomes) + len(state.open_suggestions)) % len(points)]
