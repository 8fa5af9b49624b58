"""The metrics' models: their covariance, beside gpytorch's own kernels, and what they take for noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.optimizer.searches import Point, bowl, definition, observed
from torch import Tensor

from sigtune.definition.experiment import Observation
from sigtune.definition.metrics import Metric
from sigtune.optimizer.engines.model.surrogate import Covariance, hyperparameters
from sigtune.optimizer.gaussian_process import ROUGHNESS_RANGE, Hyperparameters
from sigtune.optimizer.space_filling import fill
from sigtune.optimizer.training_data import training_data

LENGTHS, VARIANCES, SCALES = [[0.3, 0.8], [1.0, 0.1]], [0.2, 0.05], [1.7, 0.6]
RANDOM = np.random.default_rng(0)
ROWS, OTHERS = (torch.tensor(RANDOM.random((count, 2))) for count in (5, 3))
OTHERS[0] = ROWS[0]


def by_gpytorch(*, is_rough: bool) -> Tensor:
    from gpytorch.kernels import MaternKernel, RBFKernel, ScaleKernel  # warns, unless after BoTorch

    shape, lengths = torch.Size([2]), torch.tensor(LENGTHS).double()[:, None]
    smooth = ScaleKernel(RBFKernel(ard_num_dims=2, batch_shape=shape), batch_shape=shape).double()
    smooth.base_kernel.initialize(lengthscale=lengths)
    smooth.initialize(outputscale=torch.tensor(SCALES).double())
    rough = ScaleKernel(MaternKernel(0.5, ard_num_dims=2, batch_shape=shape), batch_shape=shape).double()
    rough.base_kernel.initialize(lengthscale=ROUGHNESS_RANGE * lengths)
    rough.initialize(outputscale=torch.tensor(VARIANCES).double())
    covariance: Tensor = (smooth + rough if is_rough else smooth)(ROWS, OTHERS).to_dense().detach()
    return covariance


@pytest.mark.parametrize("is_rough", [False, True])
def test_the_covariance_is_a_smooth_part_and_what_is_not_smooth(is_rough: bool) -> None:
    draws = [
        Hyperparameters(np.array(lengths), variance, 0.0, is_rough=is_rough, scale=scale)
        for lengths, variance, scale in zip(LENGTHS, VARIANCES, SCALES, strict=True)
    ]
    covariance = Covariance(draws)
    found = covariance.forward(ROWS.expand(2, -1, -1), OTHERS.expand(2, -1, -1))
    # gpytorch's distances are of products, and inexact between equal points.
    assert found.numpy() == pytest.approx(by_gpytorch(is_rough=is_rough).numpy(), abs=1e-6)
    variances = covariance.forward(ROWS.expand(2, -1, -1), ROWS.expand(2, -1, -1), diag=True)
    assert variances[:, 0].numpy() == pytest.approx(found[:, 0, 0].numpy())
    assert variances.shape == (2, 5)


@pytest.mark.parametrize(
    ("stddevs", "value", "is_rough"), [({}, -1e6, True), ({}, -0.5, True), ({"score": 0.1}, -0.5, False)]
)
def test_what_is_not_smooth_is_noise_only_where_a_standard_deviation_says_so(
    stddevs: dict[str, float], value: float, is_rough: bool
) -> None:
    *points, last = fill(definition(), 13, seed=5)
    outcomes = [*observed(points, bowl), Observation(last, {"score": value}, stddevs=stddevs)]
    data = training_data(definition(), outcomes, None, 0)
    assert data is not None
    [[settled]] = hyperparameters(data, 0)
    assert settled.is_rough is is_rough


@pytest.mark.parametrize("optimized", [("score",), ("score", "right")], ids=["one metric", "two metrics"])
def test_of_two_metrics_alone_the_scale_is_fitted_and_noise_unlikely(optimized: tuple[str, ...]) -> None:
    def evaluate(at: Point) -> dict[str, float]:
        return {**bowl(at), "right": at["x"], "limit": bowl(at)["score"]}

    limit = Metric("limit", "maximize", "constraint", -0.5)
    space = definition(metrics=(*map(Metric, optimized), limit))
    data = training_data(space, observed(fill(space, 12, seed=5), evaluate), None, 0)
    assert data is not None
    *of_optimized, [of_limit] = hyperparameters(data, 0, may_be_rough=False)
    assert len(of_optimized) == len(optimized)
    assert of_limit.scale == 1.0
    for [each] in of_optimized:
        assert (each.scale != 1.0) is (len(optimized) == 2)
        assert (each.noise < of_limit.noise / 3) is (len(optimized) == 2)
