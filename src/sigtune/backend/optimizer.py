"""The next suggestion, as a pure function of the experiment, what was observed, what is open, and a seed.

The first suggestion is the point of defaults, the next ones fill the space (scrambled Sobol), and from the
sixth on a Gaussian process is fitted to the observations. No state is kept between calls, so any process can
ask. Optuna, torch and SciPy are imported when a suggestion needs them: the first one needs none.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sigtune.backend.space import (
    Assignments,
    ExperimentDefinition,
    Outcome,
    Parameter,
    Value,
    default_point,
    every_point,
    point_at,
    to_unit,
)

FIRST_MODELLED = 5
"""The index of the first suggestion that a model of the observations proposes."""

_SEARCH_RADII = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_SEARCH_POINTS = 64

# SciPy's Sobol engine, and what is set for the process while Optuna runs, are not safe in several threads.
_one_at_a_time = threading.Lock()


def suggest(
    definition: ExperimentDefinition,
    outcomes: Sequence[Outcome],
    open_suggestions: Sequence[Assignments],
    index: int,
    seed: int,
) -> Assignments:
    """Return the assignments of suggestion number `index` (from 0).

    Equal input gives equal output. The point is not one observed or open, unless the space is exhausted.
    """
    with _one_at_a_time:
        candidate = _candidate(definition, outcomes, open_suggestions, index, seed)
        taken = [outcome.assignments for outcome in outcomes] + list(open_suggestions)
        return _nearest_free(definition.parameters, candidate, taken, _seed_for(seed, index))


def load_libraries(index: int) -> None:
    """Import what suggestion number `index` needs, which takes a second or more the first time."""
    if index > 0:
        import scipy.stats.qmc  # noqa: F401
    if index >= FIRST_MODELLED:
        import sigtune.backend.gaussian_process  # noqa: F401


def _candidate(
    definition: ExperimentDefinition,
    outcomes: Sequence[Outcome],
    open_suggestions: Sequence[Assignments],
    index: int,
    seed: int,
) -> Assignments:
    if index == 0:
        return default_point(definition.parameters)
    if index < FIRST_MODELLED or all(outcome.values is None for outcome in outcomes):
        [position] = _sobol(len(definition.parameters), seed, skip=index - 1, count=1)
        return point_at(definition.parameters, position)
    from sigtune.backend import gaussian_process

    return gaussian_process.propose(definition, outcomes, open_suggestions, _seed_for(seed, index))


def _seed_for(seed: int, index: int) -> int:
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


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
