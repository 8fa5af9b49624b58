"""The fit of a Gaussian process."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import check_grad
from tests.optimizer.searches import Point, bowl, definition, observed

from sigtune.definition.metrics import Metric
from sigtune.optimizer.engines.model.propose import single_thread
from sigtune.optimizer.engines.model.surrogate import (
    gaussian_process,
    hyperparameters,
    moments,
    surrogate_of,
)
from sigtune.optimizer.gaussian_process import (
    NEARLY_EXACT,
    NOISY,
    ROUGH,
    Hyperparameters,
    MarginalLikelihood,
    ScorePrior,
    drawn,
    likeliest,
)
from sigtune.optimizer.space_filling import fill
from sigtune.optimizer.training_data import Target, TrainingData, training_data


def bowl_data(count: int) -> tuple[TrainingData, Target]:
    data = training_data(definition(), observed(fill(definition(), count, 5), bowl), None, 0)
    assert data is not None
    return data, data.optimized[0]


def chaotic(at: Point) -> dict[str, float]:
    """Return a score that is another one a thousandth away."""
    return {"score": bowl(at)["score"] + 0.05 * math.sin(9973 * at["x"] + 7919 * at["y"])}


@pytest.mark.parametrize("prior", [NOISY, ROUGH, NEARLY_EXACT], ids=["noise", "roughness", "a scale"])
@pytest.mark.parametrize("known", [np.nan, 0.04], ids=["noise unknown", "noise known"])
def test_the_gradient_is_the_derivative(known: float, prior: ScorePrior) -> None:
    data, target = bowl_data(15)
    noise = np.where(np.arange(15) % 2, np.nan, known)
    loss = MarginalLikelihood(data.rows, target.scores, noise, prior)
    at = np.array([-0.5, 0.3, -3.0, *([0.4] if prior.scale_variance else [])])

    def value(logarithms: NDArray[np.float64]) -> float:
        return loss(logarithms)[0]

    def gradient(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
        return loss(logarithms)[1]

    assert check_grad(value, gradient, at) < 1e-4


def test_the_fit_is_no_worse_than_botorchs_own() -> None:
    from botorch.exceptions.warnings import InputDataWarning
    from botorch.fit import fit_gpytorch_mll
    from botorch.models.gp_regression import SingleTaskGP
    from gpytorch.mlls import ExactMarginalLogLikelihood

    data, target = bowl_data(20)
    rows = torch.tensor(data.rows, dtype=torch.float64)
    scores = torch.tensor(target.scores, dtype=torch.float64)[:, None]
    with warnings.catch_warnings():
        # Its standard deviation has one degree of freedom less.
        warnings.simplefilter("ignore", InputDataWarning)
        model = SingleTaskGP(rows, scores, outcome_transform=None)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    loss = MarginalLikelihood(data.rows, target.scores, target.noise)
    own = likeliest(data.rows, target.scores, target.noise)

    def value(lengths: NDArray[np.float64], noise: float) -> float:
        return loss(np.append(np.log(lengths), np.log(noise)))[0]

    theirs = value(
        model.covar_module.lengthscale.detach().numpy()[0], float(model.likelihood.noise.detach()[0])
    )
    assert value(own.length_scales, own.noise) <= theirs + 1e-3


def test_a_parameter_that_does_not_matter_has_a_long_scale() -> None:
    data, target = bowl_data(30)
    rows = np.column_stack([data.rows, np.random.default_rng(0).random(30)])
    scales = likeliest(rows, target.scores, target.noise).length_scales
    assert scales[2] > 3 * max(scales[:2])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_draws_think_of_noise_where_the_likeliest_finds_a_valley(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, noise = rng.random((14, 6)), rng.normal(size=14)
    scores, unknown = (noise - noise.mean()) / noise.std(), np.full(14, np.nan)
    assert likeliest(rows, scores, unknown).noise < 0.01
    assert max(draw.noise for draw in drawn(rows, scores, unknown, 8, rng)) > 0.1


def chaotic_data() -> TrainingData:
    data = training_data(definition(), observed(fill(definition(), 60, 5), chaotic), None, 0)
    assert data is not None
    return data


def test_only_what_is_not_smooth_is_rough() -> None:
    data, target = bowl_data(30)
    assert likeliest(data.rows, target.scores, target.noise, ROUGH).noise < 1e-5
    data = chaotic_data()
    (target,) = data.optimized
    assert likeliest(data.rows, target.scores, target.noise, ROUGH).noise > 0.01


def test_of_two_metrics_a_trend_goes_on_beyond_what_is_known() -> None:
    rows, beyond = np.linspace(0.0, 0.4, 6)[:, None], np.array([[0.8]])
    raw = rows[:, 0] ** 2
    scores = (raw - raw.mean()) / raw.std()
    truth = (beyond.item() ** 2 - raw.mean()) / raw.std()

    def error(scale_variance: float) -> float:
        prior = replace(NEARLY_EXACT, scale_variance=scale_variance)
        fitted = likeliest(rows, scores, np.full(6, np.nan), prior)
        assert (fitted.scale > 1.5) is (scale_variance > 0)

        def covariance(others: NDArray[np.float64]) -> NDArray[np.float64]:
            squares = ((others - rows.T) / fitted.length_scales) ** 2
            return np.asarray(fitted.scale * np.exp(-0.5 * squares))

        weights = np.linalg.solve(covariance(rows) + fitted.noise * np.eye(6), scores - fitted.mean)
        return abs(float(fitted.mean + (covariance(beyond) @ weights).item() - truth))

    assert error(NEARLY_EXACT.scale_variance) < 0.75 * error(0.0)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
def test_noise_in_a_settled_search_is_not_taken_for_narrow_valleys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    near_the_best = np.clip(rng.normal(0.4, 0.05, (20, 6)), 0, 1)
    rows = np.concatenate([rng.random((20, 6)), near_the_best])
    exact = -((rows - 0.4) ** 2).sum(1)
    noisy = exact / exact.std() + 0.3 * rng.normal(size=40)
    scores = (noisy - noisy.mean()) / noisy.std()
    fitted = likeliest(rows, scores, np.full(40, np.nan), ROUGH)
    assert fitted.noise > 0.03
    assert fitted.length_scales.min() > 0.3


def test_a_settled_search_takes_the_likeliest_unless_there_is_much_noise() -> None:
    rng = np.random.default_rng(0)
    points = fill(definition(), 30, 5)
    settled = {
        name: training_data(definition(), observed(points, evaluate), None, 0)
        for name, evaluate in {
            "exact": bowl,
            "chaotic": chaotic,
            "noisy": lambda at: {"score": bowl(at)["score"] + rng.normal(0, 0.3)},
        }.items()
    }
    with single_thread(0):
        counts = {
            name: surrogate_of(data, 0).batch_shape[0] for name, data in settled.items() if data is not None
        }
    assert counts == {"exact": 1, "chaotic": 1, "noisy": 8}


@pytest.mark.parametrize(("deviation", "least", "most"), [(0.0, 0.0, 1e-4), (0.05, 0.01, 0.1)])
def test_two_metrics_are_exact_unless_they_are_seen_to_have_noise(
    deviation: float, least: float, most: float
) -> None:
    rng = np.random.default_rng(0)

    def evaluate(at: Point) -> dict[str, float]:
        noise = deviation * rng.normal()
        return {"score": bowl(at)["score"] + noise, "other": bowl({**at, "y": 1 - at["y"]})["score"] + noise}

    space = definition(metrics=[Metric("score"), Metric("other")])
    data = training_data(space, observed(fill(space, 30, 5), evaluate), None, 0)
    assert data is not None
    for (fitted,) in hyperparameters(data, 0):
        assert not fitted.is_rough
        assert least <= fitted.noise <= most


def test_a_rough_function_is_known_where_it_was_observed_and_only_there() -> None:
    data = chaotic_data()
    (target,) = data.optimized
    row = torch.tensor(data.rows[:1, None])
    with single_thread(0):
        smooth, rough = (
            gaussian_process(data, target, next(hyperparameters(data, 0, may_be_rough=may_be_rough)))
            for may_be_rough in (False, True)
        )
        at_smooth, at_rough, beside_smooth, beside_rough = (
            float(moments(model, at)[1].detach())
            for at in (row, (row - 0.05).abs())
            for model in (smooth, rough)
        )
    assert at_rough < 1e-3 * at_smooth
    assert beside_rough > beside_smooth


def test_along_what_has_no_effect_a_function_is_not_rough() -> None:
    data, target = bowl_data(15)
    without_effect_of_y = Hyperparameters(np.array([0.3, 100.0]), noise=0.1, mean=0.0, is_rough=True)
    row = torch.tensor(data.rows[:1, None])
    with single_thread(0):
        model = gaussian_process(data, target, [without_effect_of_y])
        unsure_along_x, unsure_along_y = (
            float(moments(model, (row - torch.tensor(step)).abs())[1].detach())
            for step in ([0.02, 0.0], [0.0, 0.02])
        )
    assert unsure_along_x > 0.01
    assert unsure_along_y < 0.001


def test_draws_agree_where_much_is_known() -> None:
    data, target = bowl_data(60)
    draws = drawn(data.rows, target.scores, target.noise, 8, np.random.default_rng(0))
    best = likeliest(data.rows, target.scores, target.noise)
    distances = np.abs(np.log([draw.length_scales for draw in draws]) - np.log(best.length_scales))
    assert np.median(distances) < 0.5
    assert max(draw.noise for draw in draws) < 1e-3
