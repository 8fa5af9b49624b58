"""The metrics' models: a Gaussian process for each metric that steers the search."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.model import Model
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.posteriors.gpytorch import GPyTorchPosterior
from numpy.typing import NDArray
from torch import Tensor

from sigtune.optimizer.engines.model.gaussian_process import fit
from sigtune.optimizer.training_data import Target, TrainingData

_LEAST_NOISE = 1e-6


def surrogate_of(data: TrainingData) -> Model:
    """Return a model whose outputs are those of `data.targets`, in their order."""
    models = [gaussian_process(data.rows, target) for target in data.targets]
    return models[0] if len(models) == 1 else ModelListGP(*models)


def moments(model: Model, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of every output at rows (..., width), both of shape (..., outputs)."""
    posterior = cast(GPyTorchPosterior, model.posterior(rows))
    return posterior.mean, posterior.variance


def as_tensor(array: NDArray[np.float64]) -> Tensor:
    """Return an array as a tensor of doubles."""
    return torch.tensor(np.asarray(array), dtype=torch.float64)


def gaussian_process(rows: NDArray[np.float64], target: Target) -> SingleTaskGP:
    """Return the model of one metric, fitted to rows (n, width)."""
    found = fit(rows, target.scores, target.noise)
    noise = np.maximum(np.where(np.isnan(target.noise), found.noise, target.noise), _LEAST_NOISE)
    model = SingleTaskGP(
        as_tensor(rows),
        as_tensor(target.scores)[:, None],
        train_Yvar=as_tensor(noise)[:, None],
        outcome_transform=None,
    )
    model.covar_module.initialize(lengthscale=as_tensor(found.length_scales))
    model.mean_module.initialize(constant=found.mean)
    model.eval()
    return model
