"""The next suggestion, as a pure function of the experiment, what was observed, what is open, and a seed.

The first suggestion is the point of defaults, the next ones fill the space (scrambled Sobol), and from the
sixth on a Gaussian process is fitted to the observations. No state is kept between calls, so any process can
ask. Optuna, torch and SciPy are imported when a suggestion needs them: the first one needs none.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from sigtune.definition.experiment import ExperimentDefinition, Observation
from sigtune.definition.parameters import Assignments
from sigtune.definition.unit_cube import default_point, point_at
from sigtune.optimizer.space_filling import _nearest_free, _sobol

FIRST_MODELLED = 5
"""The index of the first suggestion that a model of the observations proposes."""

_one_at_a_time = threading.Lock()


def suggest(
    definition: ExperimentDefinition,
    outcomes: Sequence[Observation],
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
        import sigtune.optimizer.engines.gaussian_process  # noqa: F401


def _candidate(
    definition: ExperimentDefinition,
    outcomes: Sequence[Observation],
    open_suggestions: Sequence[Assignments],
    index: int,
    seed: int,
) -> Assignments:
    if index == 0:
        return default_point(definition.parameters)
    if index < FIRST_MODELLED or all(outcome.values is None for outcome in outcomes):
        [position] = _sobol(len(definition.parameters), seed, skip=index - 1, count=1)
        return point_at(definition.parameters, position)
    from sigtune.optimizer.engines import gaussian_process

    return gaussian_process.propose(definition, outcomes, open_suggestions, _seed_for(seed, index))


def _seed_for(seed: int, index: int) -> int:
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
