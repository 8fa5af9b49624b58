"""What a point promises: the logarithm of the improvement that is expected of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.models.gpytorch import GPyTorchModel
from botorch.models.model import Model
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.posteriors.fully_bayesian import GaussianMixturePosterior
from botorch.sampling.base import MCSampler
from botorch.sampling.normal import SobolQMCNormalSampler
from botorch.utils.multi_objective.hypervolume import infer_reference_point
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor

from sigtune.optimizer.engines.model.beliefs import log_density
from sigtune.optimizer.engines.model.improvement import (
    LogHypervolumeImprovement,
    LogImprovement,
    log_feasibility,
)
from sigtune.optimizer.engines.model.surrogate import Ensemble, as_tensor
from sigtune.optimizer.training_data import TrainingData

_SAMPLES, _FEW_SAMPLES = 64, 32
"""How many samples of the model an expectation is over, and how many where each costs more: where the
hyperparameters have several draws, and with two metrics."""

_HIDING_NOISE = 0.02
"""From which variance on noise hides which observed point is the best, in the variance of all scores."""

_RIVALS = 50
"""How many observed points may then turn out to be the best."""


class Weighted(AcquisitionFunction):
    """An acquisition function in logarithms, plus logarithms of a weight for each point."""

    def __init__(self, base: AcquisitionFunction, log_weight: Callable[[Tensor], Tensor]) -> None:
        super().__init__(model=base.model)
        self._base = base
        self._log_weight = log_weight

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803 - BoTorch's name
        """Return the value of each point, shape (batch,), of points of shape (batch, 1, width)."""
        values: Tensor = self._base(X) + self._log_weight(X[..., 0, :])
        return values


class FeasibleAndNew(AcquisitionFunction):
    """For a search with constraints only: probably feasible, and away from what is known to be.

    A point counts by its distance from the feasible ones and the open ones, up to a radius, as in constraint
    active search (Malkomes et al. 2021).
    """

    def __init__(self, model: Model, known: Tensor, radius: float) -> None:
        super().__init__(model=model)
        self._known, self._radius = known, radius
        self._log_feasibility = log_feasibility(model)

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803
        """Return the value of each point, shape (batch,), of points of shape (batch, 1, width)."""
        probable = self._log_feasibility(X[:, 0])
        if not len(self._known):
            return probable
        return probable + away_from(self._known, self._radius)(X[:, 0])


def acquisition_of(
    data: TrainingData, model: Model, baseline: Tensor, pending: Tensor | None, seed: int
) -> AcquisitionFunction:
    """Return the function to maximize, of points of shape (batch, 1, width).

    `baseline` are the observed points that an improvement is over, `pending` those that are being tried.
    """
    is_costly = model.batch_shape[0] > 1 or len(data.optimized) == 2
    samples = _FEW_SAMPLES if is_costly else _SAMPLES
    sampler = SobolQMCNormalSampler(torch.Size([samples]), seed=seed % 2**31)
    improvement_of = _improvement_of_one if len(data.optimized) == 1 else _improvement_of_two
    tried = baseline[:0] if pending is None else pending
    if not data.constraints:
        return improvement_of(data, model, baseline, tried, sampler)
    limits = _models(model, slice(len(data.optimized), None))
    known = as_tensor(data.feasible_rows)
    feasible = baseline[(baseline[:, None] == known).all(-1).any(-1)]
    if not len(feasible):
        return FeasibleAndNew(limits, tried, radius=1.0)
    improvement = improvement_of(data, model, feasible, tried, sampler)
    return Weighted(improvement, log_feasibility(limits))


def _models(model: Model, which: slice) -> ModelListGP:
    """Return a model of some of the outputs only."""
    models = cast(Sequence[GPyTorchModel], cast(ModelListGP, model).models)
    return ModelListGP(*models[which])


def _improvement_of_one(
    data: TrainingData, model: Model, baseline: Tensor, pending: Tensor, sampler: MCSampler
) -> AcquisitionFunction:
    """Return the improvement of a single metric over the best that its model expects at the baseline.

    What the pending points find is sampled, and so is what the best ones of the baseline are worth where much
    noise hides it (docs/adr/0023). A pending point that misses a constraint in a sample finds nothing there.
    """
    scored = cast(Ensemble, _models(model, slice(1)).models[0] if data.constraints else model)
    means = _means(scored, baseline)[..., 0]
    is_noisy = bool(scored.likelihood.noise.median() > _HIDING_NOISE)
    rivals = baseline[means.mean(0).argsort(descending=True)[: _RIVALS if is_noisy else 0]]
    rows = torch.cat([rivals, pending])
    found, counts = _sampled(model, rows, 1, sampler)
    counts[..., : len(rivals)] = True
    found = found[..., 0]
    known = means.amax(-1, keepdim=True).expand(len(found), -1, -1)
    if is_noisy:
        known = known[..., :0]
    best = torch.cat([known, torch.where(counts, found, -torch.inf)], dim=-1).amax(-1)
    return LogImprovement(scored, rows, found, best + data.optimized[0].least_gain)


def _improvement_of_two(
    data: TrainingData, model: Model, baseline: Tensor, pending: Tensor, sampler: MCSampler
) -> AcquisitionFunction:
    """Return the improvement of two metrics over the front that their models expect of the baseline.

    What the pending points find is sampled, as with a single metric.
    """
    scored = _models(model, slice(2)) if data.constraints else cast(ModelListGP, model)
    means, point = _means(scored, baseline), reference_point(data)
    front = means[:, is_non_dominated(means[0])]
    found, counts = _sampled(model, pending, 2, sampler)
    extension = torch.where(counts[:, 0, :, None], found[:, 0], point)
    front = torch.cat([front.expand(len(found), -1, -1), extension], dim=1)
    return LogHypervolumeImprovement(scored, pending, found, front, point)


def _means(model: Model, rows: Tensor) -> Tensor:
    """Return what each draw expects at rows (n, width), shape (draws, n, outputs)."""
    with torch.no_grad():
        return cast(GaussianMixturePosterior, model.posterior(rows)).mean


def _sampled(model: Model, rows: Tensor, optimized: int, sampler: MCSampler) -> tuple[Tensor, Tensor]:
    """Return samples of the scores at rows (n, width), and whether each meets the constraints.

    Their shapes are (samples, draws, n, optimized) and (samples, draws, n); there is one sample of no rows.
    """
    if not len(rows):
        draws = model.batch_shape[0]
        return torch.empty(1, draws, 0, optimized).double(), torch.empty(1, draws, 0, dtype=torch.bool)
    with torch.no_grad():
        samples: Tensor = sampler(model.posterior(rows))
    return samples[..., :optimized], (samples[..., optimized:] >= 0).all(-1)


def reference_point(data: TrainingData) -> Tensor:
    """Return the point that dominated volume is measured from: the thresholds, else below the front.

    It is a tenth of the scores' range below the worst of all: a front that is a corner yet would confine the
    search to it, and at the worst itself what is still worse in one metric and better in the other is lost.
    """
    scores = torch.tensor(np.column_stack([target.scores for target in data.optimized]))
    front = scores[is_non_dominated(scores)]
    point = torch.minimum(infer_reference_point(front), infer_reference_point(scores))
    for index, target in enumerate(data.optimized):
        if target.metric.threshold is not None:
            raw = np.array([target.metric.score(target.metric.threshold)])
            point[index] = float(target.scale.modelled(raw)[0])
    return point


def log_prior(data: TrainingData, strength: float) -> Callable[[Tensor], Tensor] | None:
    """Return the logarithm of the priors' density times `strength`, of rows; None without priors.

    The weight of a belief fades as observations come in (πBO, Hvarfner et al. 2022).
    """
    columns = [(c.start, c.parameter) for c in data.encoding.columns if c.parameter and c.parameter.prior]
    if not columns:
        return None
    return lambda rows: (
        strength
        * sum(
            (log_density(parameter, rows[..., column]) for column, parameter in columns),
            torch.zeros(rows.shape[:-1], dtype=torch.float64),
        )
    )


def away_from(points: Tensor, radius: float) -> Callable[[Tensor], Tensor]:
    """Return the logarithm of a weight that is 0 at the points, and 1 from some radii away on."""
    return lambda rows: torch.log(-torch.expm1(-((torch.cdist(rows, points).amin(-1) / radius) ** 2)) + 1e-12)


def values_at(acquisition: AcquisitionFunction, rows: Tensor) -> Tensor:
    """Return the values of rows (n, width), shape (n,)."""
    with torch.no_grad():
        return torch.cat([acquisition(part[:, None]) for part in torch.split(rows, 256)])
