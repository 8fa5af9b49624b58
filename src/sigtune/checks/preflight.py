"""How an application tells the sweeper what it checks before a budget is spent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from omegaconf import DictConfig

from sigtune.errors import Problem

Task = TypeVar("Task", bound=Callable[..., Any])
Check = Callable[[DictConfig], list[Problem]]

_ATTRIBUTE = "sigtune_preflight"


def preflight(check: Check) -> Callable[[Task], Task]:
    """Decorate a Hydra task function with the check of its config; it stands below `@hydra.main`.

    The check is given a job's config before any suggestion is drawn, its tuned keys still without a value.
    """

    def decorate(task: Task) -> Task:
        setattr(task, _ATTRIBUTE, check)
        return task

    return decorate


def preflight_problems(task: Callable[..., Any], config: DictConfig) -> list[Problem]:
    """Return what the task's own check finds; nothing where the task has none."""
    check: Check | None = getattr(task, _ATTRIBUTE, None)
    return [] if check is None else check(config)
