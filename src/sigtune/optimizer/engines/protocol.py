"""The interface of an engine."""

from __future__ import annotations

from typing import Protocol

from sigtune.definition.parameters import Assignments
from sigtune.optimizer.state import SearchState


class Engine(Protocol):
    """Proposes the next point."""

    def __call__(self, state: SearchState, task: str | None) -> Assignments:
        """Return a legal point for the task. It may be one that is taken."""
