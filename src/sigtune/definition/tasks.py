"""Tasks: cheaper ways to evaluate a point, each with its share of the full cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FULL_COST = 1.0


@dataclass(frozen=True)
class Task:
    """A way to evaluate a point; `cost` is in (0, 1], and 1 is the full evaluation."""

    name: str
    cost: float


def full_task(tasks: Sequence[Task]) -> Task:
    """Return the task of full cost, whose observations alone can be the best."""
    return next(task for task in tasks if task.cost == FULL_COST)


def task_from_json(definition: Mapping[str, Any]) -> Task:
    """Build a task from a definition in SigOpt's shape that validation has passed."""
    return Task(definition["name"], float(definition["cost"]))
