"""The hyperparameters of a Gaussian process: draws from their posterior, or the likeliest ones.

The kernel is s exp(-½ Σ ((x - x') / ℓ)²) and the mean a constant. The length scales ℓ are log-normal, with a
location that grows with the dimension (Hvarfner et al. 2024), and so is the variance of the noise. The scale
s is 1, the scores' own variance, but with two metrics, where it is log-normal too (docs/adr/0030).

After few observations one set of hyperparameters says too much: it may take noise for a narrow valley, and
the search stays in it. So several are drawn, by elliptical slice sampling (Murray et al. 2010), which suits
priors that are normal in the logarithms and has nothing to tune. The likeliest hyperparameters, with the
priors of BoTorch's SingleTaskGP, are for so many observations that there is little left to doubt. Their
gradient is written out, which takes a hundredth of the time that automatic differentiation takes. What they
do not find smooth may be a part of the function instead of noise (docs/adr/0017); of two metrics they expect
little noise (docs/adr/0028).

Measured with development seeds (benchmarks/suggestion_quality.py, 2026-11-27; four seeds each), medians after
20 observations, the likeliest against draws: Hartmann6 -2.5 and -3.1; Rosenbrock4 15.7 and 9.7; Hartmann6
with noise of 0.3, exact values after 30, -2.6 and -2.7, but in one seed -0.5 and -2.7: it was stuck in noise.
Draws from BoTorch's own, wider priors explored too long: Hartmann6 -1.7. So did the likeliest ones of the
priors that are drawn from, -2.2, and draws with the noise at e^-6, -2.7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from sigtune.optimizer.libraries import stop_if_given_up

_Array = NDArray[np.float64]

_LENGTH_LOCATION, _LENGTH_VARIANCE = math.sqrt(2), 3.0
"""The prior of BoTorch's SingleTaskGP, of logarithms."""

ROUGHNESS_RANGE = 0.1
"""Over what share of the length scales what is not smooth is correlated (docs/adr/0022)."""

_DRAWN_LENGTHS, _DRAWN_NOISE = (-2.5, 1.0), (-5.0, 2.0)
"""Mean and standard deviation of the logarithms that are drawn; of length scales, from the location above."""

_BURN_IN, _THINNING = 8, 4
"""Steps of the sampler before the first draw and between two; it begins where BoTorch's prior is highest.

So few that the draws still lean to where they began, which keeps length scales and noise moderate. A chain
that has forgotten it searches no better, and after one success among failures it leaves it (docs/adr/0012).
"""

_LENGTH_BOUNDS = (math.log(0.025), math.log(1e3))
_SCALE_BOUNDS = (-4.0, 6.0)
_JITTER = 1e-6
_SMALLEST_ARC = 1e-9
_ITERATIONS = 100


@dataclass(frozen=True)
class ScorePrior:
    """What is expected of scores of unit variance: how much of them is not smooth, and how large what is.

    What is not smooth is noise or, where `is_rough`, a part of the function. The logarithm of its variance
    has a normal prior, of `location` and `variance`, and stays within `bounds`. That of the smooth part has
    one of location 0 and `scale_variance`; where that is 0 the smooth part has unit variance.
    """

    location: float
    variance: float
    bounds: tuple[float, float]
    is_rough: bool = False
    scale_variance: float = 0.0

    @property
    def starts(self) -> tuple[float, float]:
        """Logarithms to look for the likeliest from: as little as the prior expects, and much."""
        return self.location, -1.0


NOISY = ScorePrior(-5.0, 1.0, (math.log(1e-5), math.log(10.0)))
"""With the prior of BoTorch's SingleTaskGP: a log-normal density of the variance is highest at e^-5."""

_LITTLE = ScorePrior(-8.0, 4.0, (math.log(1e-8), math.log(10.0)))

ROUGH = replace(_LITTLE, is_rough=True)
"""Less than noise is expected to be: with that much, every point near the best would be as good as the best.
Not so little that noise is taken for narrow valleys (docs/adr/0021)."""

NEARLY_EXACT = replace(_LITTLE, scale_variance=1.0)
"""Next to no noise or, as far as the observations speak for it, as much as there may be (docs/adr/0028). A
front goes on beyond what is known of it: there a trend says more than how much the scores have varied so far
(docs/adr/0030)."""


@dataclass(frozen=True)
class Hyperparameters:
    """Length scales, shape (dimensions,); the noise's variance, of observations that tell none; the mean.

    Where `is_rough`, the noise is part of the function: see MarginalLikelihood. `scale` is the variance of
    what is smooth.
    """

    length_scales: _Array
    noise: float
    mean: float
    is_rough: bool = False
    scale: float = 1.0


class MarginalLikelihood:
    """The negative log posterior of hyperparameters, given inputs (n, d) and scores of unit scale (n,).

    `known_noise` (n,) has the variance of each score, NaN where it is not known and the fitted one holds. In
    a rough function that one is no noise: the same point has the same score again, and near points, by
    exp(-distance / ROUGHNESS_RANGE), nearly the same. So it is with trainings of one seed (docs/adr/0017).
    The distance is in length scales, as the smooth kernel's is: what has no effect does not roughen either.

    The hyperparameters are an array of logarithms: of the length scales, of the variance of what is not
    smooth and, where the prior has a `scale_variance`, of that of what is: shape (d + 1,) or (d + 2,).
    """

    def __init__(
        self, inputs: _Array, scores: _Array, known_noise: _Array, prior: ScorePrior = NOISY
    ) -> None:
        # Of each dimension as one row, so that a sum over dimensions or over points is a matrix product.
        self._squares = ((inputs.T[:, :, None] - inputs.T[:, None, :]) ** 2).reshape(inputs.shape[1], -1)
        self._scores = scores
        unknown = np.isnan(known_noise)
        self._known = np.diag(np.where(unknown, 0.0, known_noise) + _JITTER)
        self._independent = np.diag(unknown.astype(float))
        self._both_unknown = np.outer(unknown, unknown)
        self.prior = prior
        self.location = _LENGTH_LOCATION + math.log(inputs.shape[1]) / 2

    @property
    def start(self) -> _Array:
        """Logarithms of the length scales that the prior finds likeliest, shape (d,)."""
        return np.full(len(self._squares), self.location - _LENGTH_VARIANCE)

    def __call__(self, logarithms: _Array) -> tuple[float, _Array]:
        """Return value and gradient at such logarithms."""
        stop_if_given_up()
        prior = self.prior
        lengths, noise, scale = self._split(logarithms)
        squares, smooth, unsmooth = self._parts(logarithms)
        inverse, half_log_determinant, mean = self._solve(smooth + unsmooth + self._known)
        residual = self._scores - mean
        weights = inverse @ residual
        value = 0.5 * residual @ weights + half_log_determinant + self._penalty(logarithms)
        outer = 0.5 * (inverse - np.outer(weights, weights))
        slope_by_square = smooth
        if prior.is_rough:  # of equal points no length scale changes the distance
            distances = np.sqrt(squares, out=np.full_like(squares, np.inf), where=squares > 0)
            slope_by_square = smooth + unsmooth / (ROUGHNESS_RANGE * distances)
        slopes = self._squares @ (outer * slope_by_square).ravel() * np.exp(-2 * lengths)
        slopes += (lengths - self.location) / _LENGTH_VARIANCE + 1
        others = [(outer * unsmooth).sum() + (noise - prior.location) / prior.variance]
        if prior.scale_variance:
            others.append((outer * smooth).sum() + scale / prior.scale_variance)
        return float(value), np.append(slopes, others)

    def hyperparameters(self, logarithms: _Array) -> Hyperparameters:
        """Return the hyperparameters of such logarithms, with the constant mean that is likeliest."""
        lengths, noise, scale = self._split(logarithms)
        mean = self._solve(self._covariance(logarithms))[2]
        return Hyperparameters(
            np.exp(lengths),
            float(np.exp(noise)),
            mean,
            is_rough=self.prior.is_rough,
            scale=float(np.exp(scale)),
        )

    def log_likelihood(self, logarithms: _Array) -> float:
        """Return the logarithm of the likelihood, without the prior and up to a constant."""
        stop_if_given_up()
        covariance = self._covariance(logarithms)
        factor = linalg.cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
        ones_and_scores = np.column_stack([np.ones(len(self._scores)), self._scores])
        ones, scores = linalg.solve_triangular(factor, ones_and_scores, lower=True, check_finite=False).T
        residual = scores - ones * (np.dot(ones, scores) / np.dot(ones, ones))
        return float(-0.5 * residual @ residual - np.log(np.diag(factor)).sum())

    def _split(self, logarithms: _Array) -> tuple[_Array, float, float]:
        """Return the logarithms of the length scales, shape (d,), and of both variances."""
        count = len(self._squares)
        scale = float(logarithms[count + 1]) if self.prior.scale_variance else 0.0
        return logarithms[:count], float(logarithms[count]), scale

    def _penalty(self, logarithms: _Array) -> float:
        lengths, noise, scale = self._split(logarithms)
        prior = self.prior
        penalty = ((lengths - self.location) ** 2 / (2 * _LENGTH_VARIANCE) + lengths).sum()
        penalty += (noise - prior.location) ** 2 / (2 * prior.variance)
        if prior.scale_variance:
            penalty += scale**2 / (2 * prior.scale_variance)
        return float(penalty)

    def _parts(self, logarithms: _Array) -> tuple[_Array, _Array, _Array]:
        """Return (n, n) squared distances in length scales, smooth covariances, and roughness or noise."""
        lengths, noise, scale = self._split(logarithms)
        squares = (np.exp(-2 * lengths) @ self._squares).reshape(self._known.shape)
        correlation = self._independent
        if self.prior.is_rough:
            correlation = np.exp(-np.sqrt(squares) / ROUGHNESS_RANGE) * self._both_unknown
        return squares, math.exp(scale) * np.exp(-0.5 * squares), math.exp(noise) * correlation

    def _covariance(self, logarithms: _Array) -> _Array:
        _squares, smooth, unsmooth = self._parts(logarithms)
        return np.asarray(smooth + unsmooth + self._known)

    def _solve(self, covariance: _Array) -> tuple[_Array, float, float]:
        """Return the inverse, half of the logarithm of the determinant, and the likeliest mean."""
        factor = linalg.cho_factor(covariance, lower=True, check_finite=False)
        inverse = linalg.cho_solve(factor, np.eye(len(covariance)), check_finite=False)
        half_log_determinant = float(np.log(np.diag(factor[0])).sum())
        return inverse, half_log_determinant, float((inverse @ self._scores).sum() / inverse.sum())


def likeliest(
    inputs: _Array, scores: _Array, known_noise: _Array, prior: ScorePrior = NOISY
) -> Hyperparameters:
    """Return the maximum a posteriori; see MarginalLikelihood for the arguments."""
    loss = MarginalLikelihood(inputs, scores, known_noise, prior)
    return loss.hyperparameters(_lowest(loss)[1])


def log_evidence(inputs: _Array, scores: _Array, known_noise: _Array) -> float:
    """Return the log posterior of the likeliest hyperparameters, up to what depends on the inputs alone."""
    return -_lowest(MarginalLikelihood(inputs, scores, known_noise))[0]


def _lowest(loss: MarginalLikelihood) -> tuple[float, _Array]:
    """Return the lowest loss that is found, and the logarithms it is at."""
    prior = loss.prior
    scale = [0.0] if prior.scale_variance else []
    results = [
        optimize.minimize(
            loss,
            np.append(loss.start, [noise, *scale]),
            jac=True,
            method="L-BFGS-B",
            bounds=[_LENGTH_BOUNDS] * len(loss.start) + [prior.bounds] + [_SCALE_BOUNDS] * len(scale),
            options={"maxiter": _ITERATIONS},
        )
        for noise in prior.starts
    ]
    best = min(results, key=lambda result: float(result.fun))
    return float(best.fun), best.x


def drawn(
    inputs: _Array, scores: _Array, known_noise: _Array, count: int, rng: np.random.Generator
) -> list[Hyperparameters]:
    """Return `count` draws from the posterior; see MarginalLikelihood for the other arguments."""
    target = MarginalLikelihood(inputs, scores, known_noise)
    dimensions = inputs.shape[1]
    mean = np.append(np.full(dimensions, target.location + _DRAWN_LENGTHS[0]), _DRAWN_NOISE[0])
    deviation = np.append(np.full(dimensions, _DRAWN_LENGTHS[1]), _DRAWN_NOISE[1])

    def log_likelihood(offset: _Array) -> float:
        return target.log_likelihood(_bounded(mean + offset))

    offset = np.append(target.start, _DRAWN_NOISE[0]) - mean
    draws = []
    for step in range(1, _BURN_IN + count * _THINNING + 1):
        offset = _next_on_ellipse(log_likelihood, offset, rng.normal(size=len(mean)) * deviation, rng)
        if step > _BURN_IN and step % _THINNING == 0:
            draws.append(target.hyperparameters(_bounded(mean + offset)))
    return draws


def _next_on_ellipse(
    log_likelihood: Callable[[_Array], float], point: _Array, other: _Array, rng: np.random.Generator
) -> _Array:
    """Return the next point of a chain, on the ellipse through `point` and a draw of the prior, of mean 0."""
    threshold = log_likelihood(point) + math.log(1 - rng.random())
    angle = rng.uniform(0, 2 * math.pi)
    low, high = angle - 2 * math.pi, angle
    while high - low > _SMALLEST_ARC:
        moved = point * math.cos(angle) + other * math.sin(angle)
        if log_likelihood(moved) > threshold:
            return np.asarray(moved)
        low, high = (angle, high) if angle < 0 else (low, angle)
        angle = rng.uniform(low, high)
    return point


def _bounded(logarithms: _Array) -> _Array:
    lengths = np.clip(logarithms[:-1], *_LENGTH_BOUNDS)
    return np.append(lengths, np.clip(logarithms[-1], *NOISY.bounds))
