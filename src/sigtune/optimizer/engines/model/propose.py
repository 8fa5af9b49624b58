"""The point that the models find most promising."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.analytic import PosteriorMean
from botorch.exceptions.warnings import BotorchWarning
from botorch.models.model import Model
from botorch.utils.multi_objective.pareto import is_non_dominated
from linear_operator.utils.warnings import NumericalWarning
from threadpoolctl import threadpool_limits
from torch import Tensor

from sigtune.definition.parameters import Assignments
from sigtune.definition.ranking import best_of_experiment
from sigtune.optimizer.engines.model.acquisition import (
    FeasibleAndNew,
    Weighted,
    acquisition_of,
    away_from,
    log_prior,
)
from sigtune.optimizer.engines.model.maximize import best_point
from sigtune.optimizer.engines.model.success import log_success
from sigtune.optimizer.engines.model.surrogate import as_tensor, moments, surrogate_of
from sigtune.optimizer.state import SearchState
from sigtune.optimizer.training_data import TrainingData

_PRIOR_WEIGHT = 10.0
"""How many observations a prior's belief counts as much as, roughly."""

_SOLUTION_RADIUS = 0.2
"""How far apart several solutions, or feasible points, should be in the unit cube."""

_CENTRES = 4


def propose(state: SearchState, data: TrainingData, task: str | None) -> Assignments:
    """Return the point of the largest expected improvement, given that the open ones are being tried.

    The improvement is over what the same task has reached, with what is known from other tasks.
    """
    with single_thread(state.own_seed):
        model = surrogate_of(data, state.own_seed, len(state.open_suggestions))
        acquisition = _weighted(state, data, _acquisition(state, data, task, model))
        return best_point(data, acquisition, _centres(data, model), state.own_seed)


@contextmanager
def single_thread(seed: int) -> Iterator[None]:
    """Keep torch and BLAS to one thread and to their own random numbers, and quiet, for a while.

    The matrices are so small that a second thread costs more than it brings; and with one the order of a sum,
    so its last digits, does not depend on the machine's cores. The settings belong to the process.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # Matrices that are nearly singular, which the added noise mends, and searches that stop early.
            warnings.simplefilter("ignore", BotorchWarning)
            warnings.simplefilter("ignore", NumericalWarning)
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def _acquisition(
    state: SearchState, data: TrainingData, task: str | None, model: Model
) -> AcquisitionFunction:
    pending_points = [item.assignments for item in state.open_suggestions if item.task == task]
    pending = as_tensor(data.rows_of(pending_points)) if pending_points else None
    baseline = torch.unique(as_tensor(data.own_rows), dim=0)
    if not data.optimized:
        known = as_tensor(data.feasible_rows)
        known = known if pending is None else torch.cat([known, pending])
        return FeasibleAndNew(model, known, _radius(data))
    if not len(baseline):  # the first point by a task begins where those by cheaper ones ended
        mean = PosteriorMean(model)
        return mean if pending is None else Weighted(mean, away_from(pending, _radius(data)))
    others = _other_solutions(state, data)
    if others is not None:
        apart = torch.cdist(baseline, others).amin(-1) > _radius(data)
        baseline = baseline[apart] if apart.any() else baseline
    return acquisition_of(data, model, baseline, pending, state.own_seed)


def _weighted(
    state: SearchState, data: TrainingData, acquisition: AcquisitionFunction
) -> AcquisitionFunction:
    weights = [log_prior(data, _PRIOR_WEIGHT / len(data.rows)), log_success(data)]
    others = _other_solutions(state, data)
    if others is not None:
        weights.append(away_from(others, _radius(data)))
    for weight in weights:
        if weight is not None:
            acquisition = Weighted(acquisition, weight)
    return acquisition


def _other_solutions(state: SearchState, data: TrainingData) -> Tensor | None:
    """Return the rows of the other solutions than the one that this suggestion is to improve."""
    count = state.definition.num_solutions
    if count == 1:
        return None
    solutions = best_of_experiment(state.outcomes, state.definition)
    own = state.index % count
    others = [solution.assignments for place, solution in enumerate(solutions) if place != own]
    return as_tensor(data.rows_of(others)) if others else None


def _radius(data: TrainingData) -> float:
    return _SOLUTION_RADIUS * float(np.sqrt(len(data.encoding.columns)))


def _centres(data: TrainingData, model: Model) -> Sequence[Assignments]:
    """Return the points that the model finds best among the observed ones, of two metrics its whole front."""
    rows = data.moved_rows
    with torch.no_grad():
        means = moments(model, as_tensor(rows))[0]
    if len(data.optimized) == 2:
        feasible = (means[:, 2:] >= 0).all(-1).nonzero()[:, 0]
        candidates = feasible if len(feasible) else torch.arange(len(rows))
        best = candidates[is_non_dominated(means[candidates, :2])].numpy()
    else:
        count = max(1, min(_CENTRES, len(rows) // 3))
        best = np.argsort(-means.sum(-1).numpy())[:count]
    return [data.encoding.point(rows[index, : data.encoding.width]) for index in best]
