"""Experiments of type random: independent points, uniform but for the parameters' priors."""

from __future__ import annotations

import numpy as np

from sigtune.definition.parameters import Assignments
from sigtune.optimizer.space_filling import dimensions, fill, point_at
from sigtune.optimizer.state import SearchState

_TRIES = 4096


def propose(state: SearchState, task: str | None) -> Assignments:
    """Return a random point that meets the linear constraints."""
    rng = np.random.default_rng(state.own_seed)
    for position in rng.random(
        (_TRIES if state.definition.linear_constraints else 1, dimensions(state.definition))
    ):
        point = point_at(state.definition, position)
        if state.definition.meets_linear_constraints(point):
            return point
    return fill(state.definition, 1, state.own_seed)[0]
