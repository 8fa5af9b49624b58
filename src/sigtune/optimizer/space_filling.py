"""Points that fill the space: a scrambled Sobol sequence, and the nearest point that is free."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sigtune.definition.parameters import Assignments, Parameter, Value
from sigtune.definition.unit_cube import every_point, point_at, to_unit

_SEARCH_RADII = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_SEARCH_POINTS = 64

# SciPy's Sobol engine, and what is set for the process while Optuna runs, are not safe in several threads.


def _sobol(dimensions: int, seed: int, skip: int, count: int) -> NDArray[np.float64]:
    """Return points of a scrambled Sobol sequence in the unit cube, shape (count, dimensions)."""
    from scipy.stats import qmc

    engine = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed))
    if skip:  # SciPy cannot skip none
        engine.fast_forward(skip)
    return engine.random(count)


def _nearest_free(
    parameters: Sequence[Parameter], candidate: Assignments, taken: Sequence[Assignments], seed: int
) -> Assignments:
    """Return the candidate or, if it is taken, a free point near it.

    A point is looked for in ever larger boxes around the candidate: what the model likes at a point it likes
    beside it too. A finite space is then gone through, and if it is exhausted the candidate is tried again.
    """
    names = [parameter.name for parameter in parameters]
    used = {_key(names, assignments) for assignments in taken}
    if _key(names, candidate) not in used:
        return candidate
    centre = np.array([to_unit(parameter, candidate[parameter.name]) for parameter in parameters])
    steps = 2 * _sobol(len(parameters), seed, skip=0, count=_SEARCH_POINTS) - 1
    for radius in _SEARCH_RADII:
        for position in np.clip(centre + radius * steps, 0.0, 1.0):
            point = point_at(parameters, position)
            if _key(names, point) not in used:
                return point
    # At most len(used) of its points are taken, so this ends soon however large the space is.
    for values in every_point(parameters) or ():
        if values not in used:
            return dict(zip(names, values, strict=True))
    return candidate


def _key(names: Sequence[str], assignments: Assignments) -> tuple[Value, ...]:
    return tuple(assignments[name] for name in names)
