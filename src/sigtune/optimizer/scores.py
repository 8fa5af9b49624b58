"""Metric values as scores that a Gaussian process can model: the higher the better, of unit scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]

_FENCE = 1.5
"""Tukey's fence: so many interquartile ranges below the lower quartile a score is an outlier.

With noise it does no harm: of sixteen searches with development seeds (2026-11-27, 20 observations) eleven
were the same without it, and of the others it was ahead in four.
"""

_GAP = 1e3
"""A score is far off if it is so many times as far from the best as the next better one is, and as 0 is."""

_NEARLY_EQUAL = 0.01
"""A score is nearly equal to the best if its regret is at most such a share of the median regret."""

_HEAVY_TAIL = 20.0
"""If the median is so many times as far from the best as the upper decile is, regrets are on a log scale."""

_FEWEST = 4
"""With fewer successes nothing is said about their distribution."""

_FEWEST_TO_COMPARE = 10
"""With fewer successes their distribution alone says which scale suits, with more a model (docs/adr/0016)."""

_MOST_UNITS = 6
"""So many logarithmic scales are tried at most; their units are a factor of ten apart if that is enough."""

_FAILURE_MARGIN = 0.25
"""How far below the worst success a failure is placed, in standard deviations of the successes."""

_FAR = 0.9
"""Margins are on a linear scale up to about this quantile of them, and on a logarithmic one above it."""

_LARGEST = 8e307
"""Values are cut off here, so that the difference of two is finite."""


@dataclass(frozen=True)
class Scale:
    """A monotone map of raw scores to modelled ones, and back.

    A score's regret is its distance from `best`; beyond `ceiling` it is cut off. Regrets are in units of
    `unit` and, where `is_logarithmic`, warped by log(1 + regret); then `mean` and `deviation` are removed.
    `failure` is the modelled score of a failure: worse than the worst success.
    """

    best: float
    ceiling: float
    unit: float
    is_logarithmic: bool
    mean: float = 0.0
    deviation: float = 1.0
    failure: float = 0.0

    def modelled(self, raw: _Array) -> _Array:
        """Return raw scores as modelled ones."""
        return np.asarray((self._warped(raw) - self.mean) / self.deviation)

    def raw(self, modelled: _Array) -> _Array:
        """Return modelled scores as raw ones; what was cut off does not come back."""
        regret = -(modelled * self.deviation + self.mean)
        if self.is_logarithmic:
            regret = np.where(regret < 0, regret, np.expm1(np.clip(regret, 0.0, 700.0)))
        with np.errstate(over="ignore"):
            return np.asarray(self.best - regret * self.unit)

    def slope(self, raw: _Array) -> _Array:
        """Return the derivative of `modelled` at raw scores: what a small error becomes."""
        regret = self._regret(raw)
        slope = np.where(regret < self.ceiling, 1.0, 0.0)
        slope = slope / (self.unit + np.maximum(regret, 0.0) if self.is_logarithmic else self.unit)
        return np.asarray(slope / self.deviation)

    def _regret(self, raw: _Array) -> _Array:
        return np.minimum(self.best - np.clip(raw, -_LARGEST, _LARGEST), self.ceiling)

    def _warped(self, raw: _Array) -> _Array:
        with np.errstate(over="ignore"):
            regret = np.minimum(self._regret(raw) / self.unit, _LARGEST)
        if not self.is_logarithmic:
            return -regret
        # Above the best the map goes on as a straight line.
        return np.where(regret < 0, -regret, -np.log1p(np.maximum(regret, 0.0)))


def far_off(raw: _Array) -> NDArray[np.bool_]:
    """Return which scores, shape (n,), are so far below the others that they say no more than a failure.

    They are those beyond a gap in the worse half. Of three scores one can be far off, the worst.
    """
    raw = np.clip(raw, -_LARGEST, _LARGEST)
    regrets = raw.max() - raw
    worse = np.sort(regrets)[len(raw) // 2 :]
    # Two scores may be nearly equal by chance, or but for rounding: beside their distance all are far off.
    near = np.maximum(worse[:-1], abs(raw.max()))
    with np.errstate(over="ignore"):
        is_gap = (worse[1:] > _GAP * near) & (near > 0)
    nearest = worse[int(is_gap.argmax())] if is_gap.any() else np.inf
    return np.asarray(regrets > nearest)


def near_best(raw: _Array) -> NDArray[np.bool_]:
    """Return which scores, shape (n,), are nearly equal to the best of them, itself among them."""
    raw = np.clip(raw, -_LARGEST, _LARGEST)
    regrets = raw.max() - raw
    return np.asarray(regrets <= _NEARLY_EQUAL * np.median(regrets))


def scales_of(raw: _Array, *, is_alone: bool = True) -> list[Scale]:
    """Return the scales that may suit the raw scores of the successes, shape (successes,).

    The modelled scores have mean 0 and standard deviation 1. Scores of a metric that is not optimized alone,
    or for several solutions, stay linear: a logarithmic scale tells apart what is near the best, which is one
    end of a front, or one solution.
    """
    raw = np.clip(raw, -_LARGEST, _LARGEST)
    regret = raw.max() - raw
    largest = float(regret.max()) or 1.0
    if not is_alone or len(raw) < _FEWEST:
        return [_scale_in(largest, raw)]
    others = np.sort(regret)[1:]  # the best's own is 0
    near = float(np.quantile(others, 0.1)) or float(others[others > 0].min(initial=largest))
    if len(raw) < _FEWEST_TO_COMPARE:
        has_heavy_tail = bool(np.median(others) > _HEAVY_TAIL * near)
        unit = near if has_heavy_tail else largest
        return [_scale_in(unit, raw, is_logarithmic=has_heavy_tail)]
    return [
        _scale_in(largest, raw),
        *(_scale_in(unit, raw, is_logarithmic=True) for unit in _units(near, largest)),
    ]


def _units(near: float, largest: float) -> list[float]:
    """Return the units of logarithmic scales, from nearly linear to telling apart what is near the best."""
    farthest = largest / 3
    if near >= farthest:
        return [near]
    count = min(_MOST_UNITS, 1 + math.ceil(math.log10(farthest) - math.log10(near)))
    return [float(unit) for unit in np.geomspace(farthest, near, count)]


def _scale_in(unit: float, raw: _Array, *, is_logarithmic: bool = False) -> Scale:
    scale = Scale(float(raw.max()), np.inf, unit, is_logarithmic)
    ceiling = _ceiling(-scale.modelled(raw))
    ceiling = float(scale.best - scale.raw(np.array(-ceiling))) if np.isfinite(ceiling) else np.inf
    if not is_logarithmic:  # the outliers took part in choosing the unit
        unit = float(np.minimum(raw.max() - raw, ceiling).max()) or 1.0
    scale = Scale(scale.best, ceiling, unit, is_logarithmic)
    modelled = scale.modelled(raw)
    mean, deviation = float(modelled.mean()), float(modelled.std()) or 1.0
    failure = float((modelled.min() - mean) / deviation) - _FAILURE_MARGIN
    return replace(scale, mean=mean, deviation=deviation, failure=failure)


def _ceiling(regrets: _Array) -> float:
    """Return above which regret there are outliers only."""
    if len(regrets) < _FEWEST:
        return np.inf
    lower, median, upper = np.quantile(regrets, [0.25, 0.5, 0.75])
    # Where most scores are equal their range says nothing, but how far the best is does.
    reach = _FENCE * max(upper - lower, median)
    return float(upper + reach) if reach > 0 else np.inf


@dataclass(frozen=True)
class ConstraintScale:
    """A map of raw margins (0 and more meet the constraint) to modelled ones that keeps their sign.

    Large margins are on a logarithmic scale (bilog, Eriksson and Poloczek 2021).
    """

    unit: float
    deviation: float

    def modelled(self, raw: _Array) -> _Array:
        """Return raw margins as modelled ones."""
        scaled = np.abs(raw / self.unit)
        return np.asarray(np.sign(raw) * np.log1p(scaled) / self.deviation)

    def raw(self, modelled: _Array) -> _Array:
        """Return modelled margins as raw ones."""
        return np.asarray(np.sign(modelled) * np.expm1(np.abs(modelled) * self.deviation) * self.unit)

    def slope(self, raw: _Array) -> _Array:
        """Return the derivative of `modelled` at raw margins."""
        return np.asarray(1.0 / ((self.unit + np.abs(raw)) * self.deviation))


def constraint_scale_of(raw: _Array) -> ConstraintScale:
    """Return the scale that suits the raw margins of the successes, shape (successes,)."""
    distances = np.abs(raw)
    # Late in a search most points are at the threshold: in units of their median the margins would be a step.
    unit = float(np.quantile(distances, _FAR)) or float(distances.max()) or 1.0
    modelled = ConstraintScale(unit, 1.0).modelled(raw)
    return ConstraintScale(unit, float(modelled.std()) or float(np.abs(modelled).max()) or 1.0)
