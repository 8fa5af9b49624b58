"""Metric values as scores that a Gaussian process can model: the higher the better, of unit scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]

_FENCE = 1.5
"""Tukey's fence: so many interquartile ranges below the lower quartile a score is an outlier."""

_HEAVY_TAIL = 20.0
"""From this ratio of the median's distance from the best to the upper decile's on, scores are warped."""

_FAILURE_MARGIN = 0.25
"""How far below the worst success a failure is placed, in standard deviations of the successes."""

HOW = "tukey"


@dataclass(frozen=True)
class Scale:
    """A monotone map of raw scores to scores that are modelled, and back.

    Raw scores are divided by `unit`, cut off at `floor`, warped by the logarithm of their distance from
    `best` where `bend` is given, and brought to mean 0 and standard deviation 1.
    """

    unit: float
    floor: float
    best: float
    bend: float | None
    mean: float
    deviation: float

    def modelled(self, raw: _Array) -> _Array:
        """Return raw scores as modelled ones."""
        return (self._warped(raw / self.unit) - self.mean) / self.deviation

    def raw(self, modelled: _Array) -> _Array:
        """Return modelled scores as raw ones; what was cut off does not come back."""
        warped = modelled * self.deviation + self.mean
        if self.bend is not None:
            # Above the best the map goes on as a straight line.
            warped = np.where(warped > 0, warped * self.bend, -self.bend * np.expm1(-np.minimum(warped, 0.0)))
            warped = warped + self.best
        return np.asarray(warped * self.unit)

    def slope(self, raw: _Array) -> _Array:
        """Return the derivative of `modelled` at raw scores: what a small error becomes."""
        scaled = raw / self.unit
        slope = np.where(scaled < self.floor, 0.0, 1.0)
        if self.bend is not None:
            slope = slope / (self.bend + np.maximum(self.best - scaled, 0.0))
        return np.asarray(slope / (self.deviation * self.unit))

    def _warped(self, scaled: _Array) -> _Array:
        cut = np.maximum(scaled, self.floor)
        if self.bend is None:
            return cut
        regret = (self.best - cut) / self.bend
        return np.where(regret < 0, -regret, -np.log1p(np.maximum(regret, 0.0)))


def scale_of(raw: _Array) -> Scale:
    """Return the scale that suits the raw scores of the successes, shape (successes,)."""
    unit = float(np.abs(raw).max()) or 1.0  # so that no square overflows or vanishes
    scaled = raw / unit
    best, bend = float(scaled.max()), _bend(scaled)
    plain = Scale(1.0, -np.inf, best, bend, 0.0, 1.0)
    floor = _floor(plain.modelled(scaled))
    floor_scaled = float(plain.raw(np.array([floor]))[0]) if np.isfinite(floor) else -np.inf
    warped = Scale(1.0, floor_scaled, best, bend, 0.0, 1.0).modelled(scaled)
    deviation = float(warped.std(ddof=1)) if len(raw) > 1 else 0.0
    return Scale(unit, floor_scaled, best, bend, float(warped.mean()), deviation or 1.0)


def _bend(scaled: _Array) -> float | None:
    """Return the distance from the best where the warp begins, None where the scores need none."""
    if len(scaled) < 4 or HOW in ("none", "tukey", "wins"):
        return None
    regret = np.sort(scaled.max() - scaled)[1:]  # the best's own is 0
    near, middle = np.quantile(regret, 0.1), float(np.median(regret))
    near = near or float(regret[regret > 0].min(initial=np.inf))
    if HOW == "log":
        return middle if np.isfinite(middle) and middle > 0 else None
    return float(near) if np.isfinite(near) and middle > _HEAVY_TAIL * near else None


def _floor(scores: _Array) -> float:
    """Return below which score there are outliers only."""
    if len(scores) < 4 or HOW == "none":
        return -np.inf
    lower, median, upper = np.quantile(scores, [0.25, 0.5, 0.75])
    if HOW == "wins":
        return float(median - 1.5 * (scores.max() - median)) if scores.max() > median else -np.inf
    # Where most scores are equal their range says nothing, but the best's distance does.
    reach = _FENCE * max(upper - lower, scores.max() - median)
    return float(min(lower, median) - reach) if reach > 0 else -np.inf


def failure_score(modelled: _Array) -> float:
    """Return the score of a failure among the modelled scores of the successes: worse than the worst."""
    return float(modelled.min()) - _FAILURE_MARGIN


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
    unit = float(np.median(distances)) or float(distances.max()) or 1.0
    modelled = ConstraintScale(unit, 1.0).modelled(raw)
    return ConstraintScale(unit, float(modelled.std()) or float(np.abs(modelled).max()) or 1.0)
