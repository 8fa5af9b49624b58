"""The metrics' models: a Gaussian process for each metric that steers the search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.model import Model
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.posteriors.fully_bayesian import MCMC_DIM, GaussianMixturePosterior
from botorch.posteriors.gpytorch import GPyTorchPosterior
from gpytorch.kernels import Kernel
from numpy.typing import NDArray
from torch import Tensor

from sigtune.optimizer.gaussian_process import (
    NEARLY_EXACT,
    NOISY,
    ROUGH,
    ROUGHNESS_RANGE,
    Hyperparameters,
    ScorePrior,
    drawn,
    likeliest,
)
from sigtune.optimizer.libraries import stop_if_given_up
from sigtune.optimizer.training_data import Target, TrainingData

_LEAST_NOISE = 1e-6


_MOST_DRAWS, _DRAWN_ROWS = 8, 300
"""How many draws of the hyperparameters at most, and how many rows they have together: the more is observed,
the less they differ, and the more each costs."""

_SETTLING_SUCCESSES = 5
"""From so many successes a dimension on, the likeliest hyperparameters are taken (docs/adr/0019)."""

_MUCH_NOISE = 0.2
"""Unless the median of the draws' noise is higher than this, of scores of unit variance (docs/adr/0021)."""

_MANY_OPEN = 4


class Covariance(Kernel):  # type: ignore[misc]  # gpytorch has no types
    """s exp(-½ r²) + τ² exp(-r / ROUGHNESS_RANGE), of the distance r of two points in length scales.

    There is one for each draw of the hyperparameters. It is a few operations: gpytorch's own kernels are
    dozens, and at these sizes they are what a suggestion's time goes into.
    """

    has_lengthscale = False

    def __init__(self, draws: Sequence[Hyperparameters]) -> None:
        super().__init__(batch_shape=torch.Size([len(draws)]))
        self._lengths = as_tensor(np.array([draw.length_scales for draw in draws]))[:, None]
        self.is_rough = draws[0].is_rough
        self._scale = as_tensor(np.array([draw.scale for draw in draws]))[:, None, None]
        roughness = [draw.noise if draw.is_rough else 0.0 for draw in draws]
        self._roughness = as_tensor(np.array(roughness))[:, None, None]

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **_options: Any) -> Tensor:
        """Return covariances of points (..., draws, n, width) and (..., draws, m, width).

        Their shape is (..., draws, n, m), or with `diag` (..., draws, n): the variances of `x1`.
        """
        stop_if_given_up()
        if diag:
            return (self._scale + self._roughness)[..., 0].expand(x1.shape[:-1])
        scaled = x1 / self._lengths, x2 / self._lengths
        distances = torch.cdist(*scaled, compute_mode="donot_use_mm_for_euclid_dist")  # exact near 0 too
        covariances = self._scale * torch.exp(-0.5 * distances.square())
        if self.is_rough:
            covariances = covariances + self._roughness * torch.exp(-distances / ROUGHNESS_RANGE)
        return covariances


class Ensemble(SingleTaskGP):
    """Gaussian processes of the same observations, one for each draw of the hyperparameters.

    Its posterior is their mixture; BoTorch's acquisition functions average over it.
    """

    _is_ensemble = True
    _supports_batched_models = False

    def __init__(self, rows: Tensor, scores: Tensor, noise: Tensor, draws: Sequence[Hyperparameters]) -> None:
        """Take rows (n, width), scores (n,) and the variance of their noise by each draw (draws, n)."""
        count = len(draws)
        super().__init__(
            rows.expand(count, *rows.shape),
            scores.expand(count, *scores.shape)[..., None],
            train_Yvar=noise[..., None],
            covar_module=Covariance(draws),
            outcome_transform=None,
        )
        self.mean_module.initialize(constant=as_tensor(np.array([draw.mean for draw in draws])))
        self.eval()

    def posterior(self, X: Tensor, *args: Any, **options: Any) -> GaussianMixturePosterior:  # noqa: N803
        """Return the mixture at points X (..., q, width)."""
        posterior = super().posterior(X.unsqueeze(MCMC_DIM), *args, **options)
        return GaussianMixturePosterior(cast(GPyTorchPosterior, posterior).distribution)


def surrogate_of(data: TrainingData, seed: int, open_suggestions: int = 0) -> Model:
    """Return a model whose outputs are those of `data.targets`, in their order.

    Where many suggestions are open, each draw of the hyperparameters costs more, and fewer are made.
    """
    most = _MOST_DRAWS if open_suggestions <= _MANY_OPEN else _MOST_DRAWS // 2
    draws = hyperparameters(data, seed, most)
    models = [gaussian_process(data, *each) for each in zip(data.targets, draws, strict=True)]
    return models[0] if len(models) == 1 else ModelListGP(*models)


def moments(model: Model, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of every output at rows (..., width), both of shape (..., outputs)."""
    posterior = cast(GaussianMixturePosterior, model.posterior(rows))
    return posterior.mixture_mean, posterior.mixture_variance


def as_tensor(array: NDArray[np.float64]) -> Tensor:
    """Return an array as a tensor of doubles."""
    return torch.tensor(np.asarray(array), dtype=torch.float64)


def gaussian_process(data: TrainingData, target: Target, draws: Sequence[Hyperparameters]) -> Ensemble:
    """Return the model of one metric, with all rows of the data."""
    noises = [0.0 if draw.is_rough else draw.noise for draw in draws]
    noise = np.array([np.where(np.isnan(target.noise), each, target.noise) for each in noises])
    noise = np.maximum(noise, _LEAST_NOISE)
    return Ensemble(as_tensor(data.rows), as_tensor(target.scores), as_tensor(noise), draws)


def _is_rough(data: TrainingData, target: Target) -> bool:
    """Return whether a suggestion takes what is not smooth for the function's own (docs/adr/0017).

    Where a success reported a standard deviation, it is noise.
    """
    is_alone = len(data.optimized) == 1 and target is data.optimized[0]
    return is_alone and bool(np.isnan(target.noise[target.counts]).all())


def _prior(data: TrainingData, target: Target) -> ScorePrior:
    """Return what is expected of scores: of two optimized metrics little noise (docs/adr/0028)."""
    is_of_two = len(data.optimized) == 2 and any(target is each for each in data.optimized)
    return NEARLY_EXACT if is_of_two else NOISY


def hyperparameters(
    data: TrainingData, seed: int, most: int = _MOST_DRAWS, *, may_be_rough: bool = True
) -> Iterator[list[Hyperparameters]]:
    """Iterate over those of each of `data.targets`: several draws, or the likeliest ones.

    With categories, draws doubt for longer whether they differ: in the benchmark's mixed problem the medians
    of eight development seeds after 20 observations were 0.001 with the likeliest, 0.10 with draws. With two
    metrics they doubt all along the front (docs/adr/0015). Where draws find much noise, the likeliest may be
    narrow valleys, in a settled search too (docs/adr/0021).
    """
    count = min(_DRAWN_ROWS // len(data.rows), most)
    is_settled = data.succeeded.sum() >= _SETTLING_SUCCESSES * data.rows.shape[1]
    may_be_drawn = count > 1 and not data.encoding.unordered and len(data.optimized) != 2
    if may_be_drawn and (not is_settled or _is_rough(data, data.targets[0])):
        of_each = (
            drawn(data.rows, target.scores, target.noise, count, np.random.default_rng(seed))
            for target in data.targets
        )
        first = next(of_each)
        if not is_settled or np.median([draw.noise for draw in first]) > _MUCH_NOISE:
            yield first
            yield from of_each
            return
    for target in data.targets:
        prior = ROUGH if may_be_rough and _is_rough(data, target) else _prior(data, target)
        yield [likeliest(data.rows, target.scores, target.noise, prior)]
