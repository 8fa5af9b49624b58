"""The hyperparameters of a Gaussian process, by their maximum a posteriori.

The kernel is exp(-½ Σ ((x - x') / ℓ)²), the mean a constant and the priors those of BoTorch's SingleTaskGP:
length scales ℓ are log-normal with a location that grows with the dimension (Hvarfner et al. 2024), and so is
the variance of the noise. The gradient is written out, which for tens of observations takes a hundredth of
the time that automatic differentiation takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

_Array = NDArray[np.float64]

_LENGTH_LOCATION, _LENGTH_VARIANCE = math.sqrt(2), 3.0
_NOISE_LOCATION = -4.0
_LENGTH_BOUNDS = (math.log(0.025), math.log(1e3))
_NOISE_BOUNDS = (math.log(1e-4), math.log(10.0))
_JITTER = 1e-6
_ITERATIONS = 100
_STARTS = (-5.0, -1.0)
"""Logarithms of the noise's variance to start from: scores may be nearly exact, or mostly noise."""


@dataclass(frozen=True)
class Hyperparameters:
    """Length scales, shape (dimensions,); the noise's variance, of observations that tell none; the mean."""

    length_scales: _Array
    noise: float
    mean: float


class MarginalLikelihood:
    """The negative log posterior of hyperparameters, given inputs (n, d) and scores of unit scale (n,).

    `known_noise` (n,) has the variance of each score, NaN where it is not known and the fitted one holds.
    """

    def __init__(self, inputs: _Array, scores: _Array, known_noise: _Array) -> None:
        self._squares = (inputs.T[:, :, None] - inputs.T[:, None, :]) ** 2
        self._scores = scores
        self._unknown = np.isnan(known_noise)
        self._known = np.where(self._unknown, 0.0, known_noise)
        self._location = _LENGTH_LOCATION + math.log(inputs.shape[1]) / 2

    @property
    def start(self) -> _Array:
        """Logarithms of the length scales that the prior finds likeliest, shape (d,)."""
        return np.full(len(self._squares), self._location - _LENGTH_VARIANCE)

    def __call__(self, logarithms: _Array) -> tuple[float, _Array]:
        """Return value and gradient at the logarithms of length scales and noise, shape (d + 1,)."""
        lengths, noise = logarithms[:-1], logarithms[-1]
        kernel, inverse, half_log_determinant, mean = self._solve(logarithms)
        residual = self._scores - mean
        weights = inverse @ residual
        value = 0.5 * residual @ weights + half_log_determinant + self._penalty(lengths, noise)
        outer = 0.5 * (inverse - np.outer(weights, weights))
        slopes = np.tensordot(self._squares, outer * kernel, 2) * np.exp(-2 * lengths)
        slopes += (lengths - self._location) / _LENGTH_VARIANCE + 1
        noise_slope = np.diag(outer)[self._unknown].sum() * math.exp(noise) + noise - _NOISE_LOCATION + 1
        return float(value), np.append(slopes, noise_slope)

    def mean(self, logarithms: _Array) -> float:
        """Return the constant mean that is likeliest."""
        return float(self._solve(logarithms)[3])

    def _penalty(self, lengths: _Array, noise: float) -> float:
        of_lengths = ((lengths - self._location) ** 2 / (2 * _LENGTH_VARIANCE) + lengths).sum()
        return float(of_lengths + (noise - _NOISE_LOCATION) ** 2 / 2 + noise)

    def _solve(self, logarithms: _Array) -> tuple[_Array, _Array, float, float]:
        kernel = np.exp(-0.5 * np.tensordot(np.exp(-2 * logarithms[:-1]), self._squares, 1))
        noise = np.where(self._unknown, math.exp(logarithms[-1]), self._known) + _JITTER
        factor = linalg.cho_factor(kernel + np.diag(noise), lower=True, check_finite=False)
        inverse = linalg.cho_solve(factor, np.eye(len(noise)), check_finite=False)
        half_log_determinant = float(np.log(np.diag(factor[0])).sum())
        return kernel, inverse, half_log_determinant, float((inverse @ self._scores).sum() / inverse.sum())


def fit(inputs: _Array, scores: _Array, known_noise: _Array) -> Hyperparameters:
    """Return the likeliest hyperparameters; see MarginalLikelihood for the arguments."""
    loss = MarginalLikelihood(inputs, scores, known_noise)
    bounds = [_LENGTH_BOUNDS] * inputs.shape[1] + [_NOISE_BOUNDS]
    results = [
        optimize.minimize(
            loss,
            np.append(loss.start, noise),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": _ITERATIONS},
        )
        for noise in _STARTS
    ]
    logarithms = min(results, key=lambda result: float(result.fun)).x
    return Hyperparameters(np.exp(logarithms[:-1]), float(np.exp(logarithms[-1])), loss.mean(logarithms))
