"""Checks of tasks and their costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigtune.definition.tasks import FULL_COST
from sigtune.definition.validation.fields import (
    duplicate_problems,
    is_list,
    item_path,
    name_problems,
    number_problems,
    unknown_field_problems,
)
from sigtune.errors import Problem


def tasks_problems(tasks: Any) -> list[Problem]:
    """Return what is wrong with the tasks, if there are any."""
    if not tasks and (tasks is None or is_list(tasks)):
        return []
    if not is_list(tasks) or len(tasks) < 2:
        return [Problem("tasks", "expected a list of at least two tasks", "[{name: full, cost: 1}, …]")]
    problems = duplicate_problems("tasks", tasks)
    for index, task in enumerate(tasks):
        problems += _task_problems(item_path("tasks", index, task), task)
    if problems:
        return problems
    costs = [float(task["cost"]) for task in tasks]
    if len(set(costs)) < len(costs):
        problems.append(Problem("tasks", "two tasks have the same cost", "a cost of its own for each"))
    if FULL_COST not in costs:
        problems.append(Problem("tasks", "none has the cost 1, which is the full evaluation", "cost: 1"))
    return problems


def _task_problems(path: str, task: Any) -> list[Problem]:
    if not isinstance(task, Mapping):
        return [Problem(path, f"expected a mapping, got {task!r}", "{name: short, cost: 0.1}")]
    problems = unknown_field_problems(path, task, ("name", "cost")) + name_problems(f"{path}.name", task)
    cost_problems = number_problems(f"{path}.cost", task.get("cost"))
    if not cost_problems and not 0 < task["cost"] <= FULL_COST:
        what = f"{task['cost']:g} is not above 0 and at most 1"
        cost_problems = [Problem(f"{path}.cost", what, "the share of the full evaluation's cost")]
    return problems + cost_problems
