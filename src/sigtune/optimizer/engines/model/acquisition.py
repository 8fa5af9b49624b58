"""What a point promises: the logarithm of the improvement that is expected of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.multi_objective.logei import (
    qLogExpectedHypervolumeImprovement,
    qLogNoisyExpectedHypervolumeImprovement,
)
from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
from botorch.models.gpytorch import GPyTorchModel
from botorch.models.model import Model
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.posteriors.fully_bayesian import GaussianMixturePosterior
from botorch.sampling.base import MCSampler
from botorch.sampling.normal import SobolQMCNormalSampler
from botorch.utils.multi_objective.box_decompositions.non_dominated import NondominatedPartitioning
from botorch.utils.multi_objective.hypervolume import infer_reference_point
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor

from sigtune.optimizer.engines.model.beliefs import log_density
from sigtune.optimizer.engines.model.improvement import LogImprovement
from sigtune.optimizer.engines.model.surrogate import Ensemble, as_tensor
from sigtune.optimizer.training_data import TrainingData

_SAMPLES, _SAMPLES_OF_EACH_DRAW = 64, 32
"""How many samples of the model an expectation is over, and how many of each where it has several draws."""

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

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803
        """Return the value of each point, shape (batch,), of points of shape (batch, 1, width)."""
        probable = log_feasibility(self.model, X)
        if not len(self._known):
            return probable
        return probable + away_from(self._known, self._radius)(X[..., 0, :])


def acquisition_of(
    data: TrainingData, model: Model, baseline: Tensor, pending: Tensor | None, seed: int
) -> AcquisitionFunction:
    """Return the function to maximize, of points of shape (batch, 1, width).

    `baseline` are the observed points that an improvement is over, `pending` those that are being tried.
    """
    samples = _SAMPLES if model.batch_shape[0] == 1 else _SAMPLES_OF_EACH_DRAW
    sampler = SobolQMCNormalSampler(torch.Size([samples]), seed=seed % 2**31)
    optimized = len(data.optimized)
    if optimized == 2 and pending is not None:
        return _hypervolume_while_pending(data, model, baseline, pending, sampler)
    if not data.constraints:
        return _improvement(data, model, baseline, pending, sampler)
    models = cast(Sequence[GPyTorchModel], cast(ModelListGP, model).models)
    limits = ModelListGP(*models[optimized:])
    known = as_tensor(data.feasible_rows)
    feasible = baseline[(baseline[:, None] == known).all(-1).any(-1)]
    if not len(feasible):
        return FeasibleAndNew(limits, feasible if pending is None else pending, radius=1.0)
    improvement = _improvement(data, model, feasible, pending, sampler)
    return Weighted(improvement, lambda rows: log_feasibility(limits, rows[..., None, :]))


def _improvement(
    data: TrainingData, model: Model, baseline: Tensor, pending: Tensor | None, sampler: MCSampler
) -> AcquisitionFunction:
    """Return the improvement over what the model expects at the baseline, of its best point or of its front.

    BoTorch's noisy variants, which sample the baseline, take two to three times as long, and are behind where
    there is no noise (docs/adr/0012, docs/adr/0015).
    """
    scored = _scored(data, model)
    with torch.no_grad():
        means: Tensor = cast(GaussianMixturePosterior, scored.posterior(baseline)).mean  # (draws, n, outputs)
    if len(data.optimized) == 1:
        return _improvement_of_one(model, cast(Ensemble, scored), baseline, means[..., 0], pending, sampler)
    point = reference_point(data)
    front = NondominatedPartitioning(point, Y=means.mean(0))
    return qLogExpectedHypervolumeImprovement(scored, point, front, sampler=sampler)


def _scored(data: TrainingData, model: Model) -> Model:
    """Return the model of the optimized metrics only."""
    if len(data.targets) == 1:
        return model
    optimized = len(data.optimized)
    models = cast(Sequence[GPyTorchModel], cast(ModelListGP, model).models)
    return models[0] if optimized == 1 else ModelListGP(*models[:optimized])


def _improvement_of_one(
    model: Model,
    scored: Ensemble,
    baseline: Tensor,
    means: Tensor,
    pending: Tensor | None,
    sampler: MCSampler,
) -> AcquisitionFunction:
    """Return the improvement of a single metric, of which `means` (draws, n) are expected at the baseline.

    What the pending points find is sampled, and so is what the best ones of the baseline are worth where much
    noise hides it (docs/adr/0023). A pending point that misses a constraint in a sample finds nothing there.
    """
    is_noisy = bool(scored.likelihood.noise.median() > _HIDING_NOISE)
    most = _RIVALS if is_noisy else 0
    rivals = baseline[means.mean(0).argsort(descending=True)[:most]]
    rows = rivals if pending is None else torch.cat([rivals, pending])
    expected = means.amax(-1)[None]  # (1, draws)
    if not len(rows):
        return LogImprovement(scored, rows, expected.new_empty(*expected.shape, 0), expected)
    with torch.no_grad():
        samples: Tensor = sampler(model.posterior(rows))  # (samples, draws, rows, outputs)
    found = samples[..., 0]
    counts = (samples[..., 1:] >= 0).all(-1)
    counts[..., : len(rivals)] = True
    best = torch.where(counts, found, -torch.inf).amax(-1)
    return LogImprovement(scored, rows, found, best if is_noisy else best.maximum(expected))


def _hypervolume_while_pending(
    data: TrainingData, model: Model, baseline: Tensor, pending: Tensor, sampler: MCSampler
) -> AcquisitionFunction:
    """Return the improvement by a point and the pending ones over the baseline's front, all of them sampled.

    With BoTorch's fat tails the chance of an unmet constraint falls with the square of the distance only:
    once little improvement is left, points that surely miss it would be the most promising ones.
    """
    constraints = [_unmet(output) for output in range(2, len(data.targets))] or None
    return qLogNoisyExpectedHypervolumeImprovement(
        model,
        reference_point(data),
        baseline,
        sampler=sampler,
        objective=IdentityMCMultiOutputObjective(outcomes=[0, 1]),
        constraints=constraints,
        X_pending=pending,
        prune_baseline=True,
        fat=constraints is None,
    )


def log_feasibility(model: Model, points: Tensor) -> Tensor:
    """Return the logarithm of the probability that no output is below 0, of points (batch, 1, width)."""
    posterior = cast(GaussianMixturePosterior, model.posterior(points))
    standardized = posterior.mean / posterior.variance.sqrt()  # (batch, draws, 1, outputs)
    of_draws: Tensor = torch.special.log_ndtr(standardized)[..., 0, :].sum(-1)
    return of_draws.logsumexp(-1) - math.log(of_draws.shape[-1])


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


def _unmet(output: int) -> Callable[[Tensor], Tensor]:
    return lambda samples: -samples[..., output]


def values_at(acquisition: AcquisitionFunction, rows: Tensor) -> Tensor:
    """Return the values of rows (n, width), shape (n,)."""
    with torch.no_grad():
        return torch.cat([acquisition(part[:, None]) for part in torch.split(rows, 256)])
