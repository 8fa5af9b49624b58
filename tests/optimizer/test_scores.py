"""Metric values as scores that can be modelled."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sigtune.optimizer.scores import ConstraintScale, Scale, constraint_scale_of, far_off, scales_of

ORDINARY = np.array([0.1, 0.5, 0.2, 0.9, 0.7, 0.4])
HEAVY = np.array([-(10.0**order) for order in range(0, 20, 2)])


def is_cut_off(scale: Scale, raw: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(raw.max() - raw >= scale.ceiling)


@pytest.mark.parametrize(
    "raw", [ORDINARY, HEAVY, HEAVY[:9], ORDINARY * 1e300, ORDINARY * 1e-300, np.array([3.0])]
)
def test_scores_are_standardized_in_their_order_with_failures_last(raw: NDArray[np.float64]) -> None:
    for scale in scales_of(raw):
        scores = scale.modelled(raw)
        assert scores.mean() == pytest.approx(0, abs=1e-9)
        assert scores.std() == pytest.approx(1) or len(scores) == 1
        assert (np.diff(scores[np.argsort(raw)]) >= 0).all()
        kept = ~is_cut_off(scale, raw)
        assert (np.argsort(scores[kept]) == np.argsort(raw[kept])).all()
        assert scale.failure < scores.min()


def test_fewer_than_ten_scores_say_themselves_which_scale_suits() -> None:
    [linear], [logarithmic] = scales_of(ORDINARY), scales_of(HEAVY[:9])
    assert not linear.is_logarithmic
    assert logarithmic.is_logarithmic
    assert not is_cut_off(logarithmic, HEAVY[:9]).any()


def test_an_outlier_is_cut_off_and_the_others_are_not() -> None:
    [with_one], [without] = scales_of(np.append(ORDINARY, -1e9)), scales_of(ORDINARY)
    assert with_one.modelled(np.array([-1e9])) == with_one.modelled(np.array([-1e6]))
    assert np.ptp(with_one.modelled(ORDINARY)) > 0.5
    assert without.ceiling > np.ptp(ORDINARY)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([0.9, -1e6, 0.5], [False, True, False]),
        ([0.9, -1e2, 0.5], [False] * 3),
        ([-0.0491785, -0.0491971, -0.3725796], [False] * 3),  # two are nearly equal
        ([0.9, 0.5, -1e300, 0.1, -1e3], [False, False, True, False, True]),
        ([1.7e308, 0.9e308, -1.7e308], [False, False, False]),
        ([0.9, 0.8999, 0.5, 0.1], [False] * 4),
        ([1e-4, 0.0, -500.0, -600.0], [False] * 4),  # a gap near the best is not one in the worse half
        ([0.5, 0.5, -1e6], [False, False, True]),
        ([0.1 + 0.2, 0.3, 0.1], [False] * 3),
        ([0.0, 0.0, -1e6], [False] * 3),  # nothing says how far apart scores are
        ([0.5, -1e6], [False] * 2),
        ([0.5], [False]),
    ],
)
def test_scores_beyond_a_gap_are_far_off(raw: list[float], expected: list[bool]) -> None:
    assert far_off(np.array(raw)).tolist() == expected


def test_scores_of_any_even_spread_are_not_far_off() -> None:
    assert not far_off(-np.geomspace(1e-9, 1e9, 12)).any()


@pytest.mark.parametrize("raw", [ORDINARY, HEAVY])
def test_modelled_scores_come_back(raw: NDArray[np.float64]) -> None:
    finest = scales_of(raw)[-1]
    assert finest.raw(finest.modelled(raw)) == pytest.approx(raw, rel=1e-6)


SCALES = [*scales_of(ORDINARY), *scales_of(HEAVY), constraint_scale_of(ORDINARY - 0.45)]


@pytest.mark.parametrize("scale", SCALES)
def test_the_slope_is_the_derivative(scale: Scale | ConstraintScale) -> None:
    at, step = np.array([0.3]), 1e-6 * scale.unit
    rise = (scale.modelled(at + step) - scale.modelled(at - step)) / (2 * step)
    assert scale.slope(at) == pytest.approx(rise, rel=1e-3)


def test_a_constraints_scale_keeps_what_is_met() -> None:
    margins = np.array([-1e12, -1.0, 0.0, 0.5, 1e9])
    assert (np.sign(constraint_scale_of(margins).modelled(margins)) == np.sign(margins)).all()
