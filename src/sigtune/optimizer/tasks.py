"""Which task the next suggestion is for: cheap ones first, then the full one."""

from __future__ import annotations

from collections import Counter

from sigtune.definition.tasks import full_task
from sigtune.optimizer.state import SearchState

_CHEAP_SHARE = 0.3
"""The share of the budget that goes to the tasks that are not full, each an equal part of it."""


def next_task(state: SearchState) -> str | None:
    """Return the cheapest task that has not had its share of the budget; None where there are no tasks.

    No task but the full one gets more suggestions than the budget would buy of full ones.
    """
    tasks, budget = state.definition.tasks, state.definition.observation_budget
    if not tasks:
        return None
    full = full_task(tasks)
    counts = Counter(tried.task for tried in state.tried)
    cheap = sorted((task for task in tasks if task != full), key=lambda task: task.cost)
    for task in cheap:
        share = _CHEAP_SHARE * (budget or 0) / len(cheap)
        if counts[task.name] < min(share / task.cost, budget or 0):
            return task.name
    return full.name
