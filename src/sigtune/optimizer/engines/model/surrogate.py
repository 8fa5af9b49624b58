"""The metrics' models: a Gaussian process for each metric that steers the search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.model import Model
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.posteriors.fully_bayesian import MCMC_DIM, GaussianMixturePosterior
from botorch.posteriors.gpytorch import GPyTorchPosterior
from gpytorch.kernels import MaternKernel, ScaleKernel
from numpy.typing import NDArray
from torch import Tensor

from sigtune.optimizer.gaussian_process import ROUGHNESS_RANGE, Hyperparameters, drawn, likeliest
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
            outcome_transform=None,
        )
        lengths = as_tensor(np.array([draw.length_scales for draw in draws]))
        self.covar_module.initialize(lengthscale=lengths[:, None])
        if draws[0].is_rough:
            shape = torch.Size([count])
            rough = ScaleKernel(MaternKernel(0.5, batch_shape=shape), batch_shape=shape).double()
            rough.base_kernel.initialize(lengthscale=ROUGHNESS_RANGE)
            rough.initialize(outputscale=as_tensor(np.array([draw.noise for draw in draws])))
            self.covar_module = self.covar_module + rough
        self.mean_module.initialize(constant=as_tensor(np.array([draw.mean for draw in draws])))
        self.eval()

    def posterior(self, X: Tensor, *args: Any, **options: Any) -> GaussianMixturePosterior:  # noqa: N803
        """Return the mixture at points X (..., q, width)."""
        stop_if_given_up()
        posterior = super().posterior(X.unsqueeze(MCMC_DIM), *args, **options)
        return GaussianMixturePosterior(cast(GPyTorchPosterior, posterior).distribution)


def surrogate_of(data: TrainingData, seed: int, open_suggestions: int = 0) -> Model:
    """Return a model whose outputs are those of `data.targets`, in their order.

    Where many suggestions are open, each draw of the hyperparameters costs more, and fewer are made.
    """
    most = _MOST_DRAWS if open_suggestions <= _MANY_OPEN else _MOST_DRAWS // 2
    count = number_of_draws(data, seed, most)
    models = [
        gaussian_process(data, target, seed, count, is_rough=_is_rough(data, target))
        for target in data.targets
    ]
    return models[0] if len(models) == 1 else ModelListGP(*models)


def moments(model: Model, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of every output at rows (..., width), both of shape (..., outputs)."""
    posterior = cast(GaussianMixturePosterior, model.posterior(rows))
    return posterior.mixture_mean, posterior.mixture_variance


def as_tensor(array: NDArray[np.float64]) -> Tensor:
    """Return an array as a tensor of doubles."""
    return torch.tensor(np.asarray(array), dtype=torch.float64)


def gaussian_process(
    data: TrainingData, target: Target, seed: int, count: int = 1, *, is_rough: bool = False
) -> Ensemble:
    """Return the model of one metric, of `count` draws of the hyperparameters, or of the likeliest for 1.

    Where `is_rough`, and the likeliest are taken, what is not smooth is part of the function.
    """
    rows = data.rows
    if count > 1:
        draws = drawn(rows, target.scores, target.noise, count, np.random.default_rng(seed))
    else:
        draws = [likeliest(rows, target.scores, target.noise, is_rough=is_rough)]
    noises = [0.0 if draw.is_rough else draw.noise for draw in draws]
    noise = np.array([np.where(np.isnan(target.noise), each, target.noise) for each in noises])
    noise = np.maximum(noise, _LEAST_NOISE)
    return Ensemble(as_tensor(rows), as_tensor(target.scores), as_tensor(noise), draws)


def _is_rough(data: TrainingData, target: Target) -> bool:
    """Return whether a suggestion takes what is not smooth for the function's own (docs/adr/0017).

    Where a success reported a standard deviation, it is noise.
    """
    is_alone = len(data.optimized) == 1 and target is data.optimized[0]
    return is_alone and bool(np.isnan(target.noise[data.succeeded]).all())


def number_of_draws(data: TrainingData, seed: int, most: int = _MOST_DRAWS) -> int:
    """Return how many draws of the hyperparameters to take, 1 for the likeliest ones instead.

    With categories, draws doubt for longer whether they differ: in the benchmark's mixed problem the medians
    of eight development seeds after 20 observations were 0.001 with the likeliest, 0.10 with draws. With two
    metrics they doubt all along the front (docs/adr/0015).
    """
    count = min(_DRAWN_ROWS // len(data.rows), most)
    if count <= 1 or data.encoding.unordered or len(data.optimized) == 2:
        return 1
    is_settled = data.succeeded.sum() >= _SETTLING_SUCCESSES * data.rows.shape[1]
    return 1 if is_settled and not _is_noisy(data, seed, count) else count


def _is_noisy(data: TrainingData, seed: int, count: int) -> bool:
    """Return whether draws find much noise: the likeliest hyperparameters may be narrow valleys then."""
    target = data.targets[0]
    if not _is_rough(data, target):
        return False
    draws = drawn(data.rows, target.scores, target.noise, count, np.random.default_rng(seed))
    return float(np.median([draw.noise for draw in draws])) > _MUCH_NOISE
