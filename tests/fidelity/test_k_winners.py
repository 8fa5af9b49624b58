"""The published k-winners (arXiv 1903.11257, and the code of nupic.torch) in numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sigtune.models.k_winners import KWinners, KWinners2d, KWinnersConfig

NAN, INF = math.nan, math.inf


def layer_of(units: int, percent_on: float, strength: float = 0.0) -> KWinners:
    return KWinners(units, percent_on, KWinnersConfig(boost_strength=strength, duty_cycle_period=10))


def test_the_k_highest_pass_on_their_activation_and_the_others_zero() -> None:
    y = layer_of(5, 0.4)(torch.tensor([[0.1, 0.5, -0.2, 0.4, 0.3], [-3.0, -1.0, -2.0, -5.0, -4.0]]))
    expected = torch.tensor([[0.0, 0.5, 0.0, 0.4, 0.0], [0.0, -1.0, -2.0, 0.0, 0.0]])
    assert torch.equal(y, expected)


def test_only_winners_pass_on_a_gradient() -> None:
    x = torch.tensor([[0.1, 0.5, -0.2, 0.4, 0.3]], requires_grad=True)
    layer_of(5, 0.4)(x).backward(torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]))
    assert x.grad is not None
    assert torch.equal(x.grad, torch.tensor([[0.0, 2.0, 0.0, 4.0, 0.0]]))


def test_boosting_favours_units_that_were_seldom_on() -> None:
    layer = layer_of(4, 0.5, strength=2.0)
    layer.duty_cycle.copy_(torch.tensor([0.9, 0.5, 0.1, 0.5]))
    # exp(2·(0.5 − d)) is 0.449329, 1, 2.225541, 1, and so the boosted are 0.4494, 0.9, 1.1128, 0.8.
    factors = torch.tensor([0.449329, 1.0, 2.225541, 1.0])
    torch.testing.assert_close(layer.boost_factors(4), factors, rtol=0, atol=1e-6)
    y = layer(torch.tensor([[1.0, 0.9, 0.5, 0.8]]))
    assert torch.equal(y, torch.tensor([[0.0, 0.9, 0.5, 0.0]]))


def test_duty_cycles_are_a_mean_of_the_samples_until_the_period_is_full() -> None:
    layer = layer_of(4, 0.5)
    layer(
        torch.tensor([[1.0, 2.0, 0.0, 0.0], [1.0, 0.0, 2.0, 0.0], [1.0, 2.0, 0.0, 0.0], [0.0, 1.0, 0.0, 2.0]])
    )
    assert layer.duty_cycle.tolist() == [0.75, 0.75, 0.25, 0.25]  # 3, 3, 1, 1 of 4 samples
    layer(torch.tensor([[0.0, 0.0, 2.0, 1.0]] * 4))
    # T = 8: (4·0.75 + 0) / 8 and (4·0.25 + 4) / 8
    assert layer.duty_cycle.tolist() == [0.375, 0.375, 0.625, 0.625]
    layer(torch.tensor([[2.0, 1.0, 0.0, 0.0]] * 4))
    # T stays at the period, 10: (6·0.375 + 4) / 10 and (6·0.625 + 0) / 10
    assert layer.duty_cycle.tolist() == pytest.approx([0.625, 0.625, 0.375, 0.375])


def test_a_winner_that_is_not_above_zero_is_not_on() -> None:
    layer = layer_of(4, 0.5)
    layer(torch.tensor([[3.0, -1.0, -2.0, -3.0]]))
    assert layer.duty_cycle.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_channel_s_duty_cycle_is_the_share_of_its_positions_that_are_on() -> None:
    layer = KWinners2d(2, 0.375, KWinnersConfig(boost_strength=0.0))  # 3 of 8
    y = layer(torch.tensor([[[[8.0, 1.0], [6.0, 2.0]], [[3.0, 7.0], [4.0, 5.0]]]]))
    assert torch.equal(y, torch.tensor([[[[8.0, 0.0], [6.0, 0.0]], [[0.0, 7.0], [0.0, 0.0]]]]))
    assert layer.duty_cycle.tolist() == [0.5, 0.25]


def test_the_boost_strength_decays_by_its_factor() -> None:
    layer = KWinners(4, 0.5, KWinnersConfig(boost_strength=1.5, boost_strength_factor=0.9))
    strengths = []
    for _ in range(3):
        layer.decay_boost_strength()
        strengths.append(float(layer.boost_strength))
    assert strengths == pytest.approx([1.35, 1.215, 1.0935])


@pytest.mark.parametrize(
    ("layer", "units", "training", "inference"),
    [
        (KWinners(1000, 0.1, KWinnersConfig(k_inference_factor=1.5)), 1000, 100, 150),
        (KWinners(10, 0.3, KWinnersConfig(k_inference_factor=1.5)), 10, 3, 4),  # 4.5 is cut off
        (KWinners2d(64, 0.125, KWinnersConfig(k_inference_factor=1.5)), 1600, 200, 300),
        (KWinners2d(64, 0.095, KWinnersConfig(k_inference_factor=1.5)), 12544, 1192, 1788),  # 1787.52
        (KWinners2d(1, 0.35, KWinnersConfig(k_inference_factor=1.5)), 10, 4, 5),  # 3.5 and 5.25, not 6
    ],
)
def test_k_at_inference_is_rounded_as_published(
    layer: KWinners | KWinners2d, units: int, training: int, inference: int
) -> None:
    assert (layer.train().k(units), layer.eval().k(units)) == (training, inference)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([1.0, -INF, 3.0, 2.0], [0.0, NAN, 3.0, 2.0]),  # −∞·0 is not a number: the loss shows it
        ([INF, 1.0, 2.0, 0.0], [INF, 0.0, 2.0, 0.0]),
    ],
)
def test_infinities_are_in_their_order(x: list[float], expected: list[float]) -> None:
    assert_same(layer_of(4, 0.5)(torch.tensor([x])), torch.tensor([expected]))


def test_infinities_of_images_are_in_their_order_too_and_a_nan_stays_one() -> None:
    layer = KWinners2d(2, 0.375, KWinnersConfig(boost_strength=0.0))  # 3 of 8
    x = torch.tensor([[[[8.0, -INF], [6.0, INF]], [[3.0, 7.0], [4.0, 5.0]]]])
    assert_same(layer(x), torch.tensor([[[[8.0, NAN], [0.0, INF]], [[0.0, 7.0], [0.0, 0.0]]]]))
    assert math.isnan(layer(x.clone().fill_(1.0).index_fill(3, torch.tensor([1]), NAN))[0, 0, 0, 1])


def test_a_nan_stays_one() -> None:
    y = layer_of(4, 0.5)(torch.tensor([[NAN, 1.0, 3.0, 2.0]]))
    assert math.isnan(y[0, 0].item())


def assert_same(y: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(y, expected, rtol=0, atol=0, equal_nan=True)


def test_entropy_is_that_of_the_duty_cycles_in_bits() -> None:
    layer = layer_of(4, 0.25)
    layer.duty_cycle.copy_(torch.tensor([0.0, 1.0, 0.5, 0.25]))
    # 0, 0, 1 and 0.811278 bits; a quarter of the units on at equal turns has 0.811278
    assert float(layer.entropy()) == pytest.approx((1 + 0.811278) / 4, abs=1e-6)
    assert float(layer.highest_entropy()) == pytest.approx(0.811278, abs=1e-6)
