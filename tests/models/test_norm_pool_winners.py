import copy
from typing import Any

import pytest
import torch
from tests.gradients import backward, gradient_of
from torch import Tensor

from sigtune.kernels import library
from sigtune.models.k_winners import KWinners2d, KWinnersConfig
from sigtune.models.norm_pool_winners import NormPoolWinners

pytestmark = pytest.mark.skipif(not library.is_compiled(), reason="installed without a C++ compiler")


ORDERS = pytest.mark.parametrize("before_pool", [False, True])


def block(
    channels: int, percent_on: float, window: int = 2, *, before_pool: bool = False, **arguments: Any
) -> NormPoolWinners:
    winners = KWinners2d(channels, percent_on, KWinnersConfig(**{"boost_strength": 1.5, **arguments}))
    winners.duty_cycle.copy_(torch.linspace(0, 2 * percent_on, channels))
    winners.samples_seen.fill_(500)
    return NormPoolWinners(channels, window, winners, before_pool)


def one_after_the_other(layer: NormPoolWinners, x: Tensor) -> Tensor:
    y = layer.norm(x)
    for after in (layer.winners, layer.pool) if layer.before_pool else (layer.pool, layer.winners):
        y = after(y)
    assert isinstance(y, Tensor)
    return y


def running(layer: NormPoolWinners) -> tuple[Tensor, Tensor]:
    """Return the running mean and variance."""
    mean, variance = layer.norm.running_mean, layer.norm.running_var
    assert mean is not None
    assert variance is not None
    return mean, variance


def batch(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scales = torch.rand(shape[1], 1, 1, generator=generator) + 0.5
    x = torch.randn(shape, generator=generator) * scales + 3 * scales
    return x.to(dtype).contiguous(memory_format=torch.channels_last)


SHAPES = [(8, 64, 28, 28), (5, 3, 9, 7), (4, 24, 10, 10), (3, 16, 34, 32), (2, 1, 3, 3), (40, 30, 1, 1)]


def window_for(shape: tuple[int, ...]) -> int:
    return min(2, shape[2])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("percent_on", [0.095, 0.6, 1.0])
@ORDERS
def test_training_gives_what_the_three_layers_give_one_after_the_other(
    shape: tuple[int, ...], percent_on: float, before_pool: bool
) -> None:
    layer = block(shape[1], percent_on, window_for(shape), before_pool=before_pool)
    reference = copy.deepcopy(layer)
    for seed in (0, 1):
        x = batch(*shape, seed=seed)
        y, expected = layer(x), one_after_the_other(reference, x)
        agree = torch.isclose(y, expected, rtol=1e-4, atol=1e-4)
        # Rounding decides between activations that are as good as equal; there is at most such a pair.
        assert (~agree).flatten(1).sum(dim=1).max() <= 2
        assert (~agree).sum() <= 2
    state, expected_state = layer.state_dict(), reference.state_dict()
    for name, value in state.items():
        assert torch.allclose(value.float(), expected_state[name].float(), rtol=1e-3, atol=1e-4), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("percent_on", [0.01, 0.125, 0.9])
@ORDERS
def test_the_winners_are_exactly_those_that_the_k_winner_layer_chooses(
    shape: tuple[int, ...], dtype: torch.dtype, percent_on: float, before_pool: bool
) -> None:
    layer = block(shape[1], percent_on, window_for(shape), before_pool=before_pool)
    mean, variance = running(layer)
    mean.copy_(torch.linspace(1, 4, shape[1]))
    variance.copy_(torch.linspace(0.2, 3, shape[1]))
    layer.eval()
    x = batch(*shape, dtype=dtype)
    scale = torch.rsqrt(variance + layer.norm.eps)
    normalised = (x.float() - mean[:, None, None]) * scale[:, None, None]
    with torch.inference_mode():
        if before_pool:
            expected = layer.pool(layer.winners(normalised))
        else:
            expected = layer.winners(layer.pool(normalised))
        assert torch.equal(layer(x), expected.to(dtype))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("percent_on", [0.095, 0.6])
@ORDERS
def test_the_gradient_is_that_of_the_three_layers_in_float64(
    shape: tuple[int, ...], percent_on: float, before_pool: bool
) -> None:
    layer = block(shape[1], percent_on, window_for(shape), boost_strength=0.3, before_pool=before_pool)
    reference = copy.deepcopy(layer).double()
    x = batch(*shape).requires_grad_()
    precise = x.detach().double().requires_grad_()
    y, expected = layer(x), one_after_the_other(reference, precise)
    assert torch.equal(y != 0, expected != 0)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    (y * weights).sum().backward()
    backward((expected * weights).sum())
    assert torch.allclose(gradient_of(x).double(), gradient_of(precise), rtol=1e-4, atol=1e-5)


def test_the_gradient_in_bfloat16_is_that_of_float32_rounded() -> None:
    layer = block(64, 0.125)
    x = batch(8, 64, 10, 10, dtype=torch.bfloat16)
    gradients = []
    for dtype in (torch.bfloat16, torch.float32):
        leaf = x.to(dtype, copy=True).requires_grad_()
        copy.deepcopy(layer)(leaf).square().sum().backward()
        gradients.append(gradient_of(leaf).float())
    assert torch.allclose(gradients[0], gradients[1], rtol=0.02, atol=0.02)
    assert gradients[1].abs().max() > 1


def test_the_number_of_threads_changes_no_bit() -> None:
    threads = torch.get_num_threads()
    results = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            layer = block(64, 0.1)
            x = batch(16, 64, 12, 12).requires_grad_()
            y = layer(x)
            y.square().sum().backward()
            results.append(
                [y, x.grad, layer.norm.running_mean, layer.norm.running_var, layer.winners.duty_cycle]
            )
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


@pytest.mark.parametrize("k", [1, 2, 7, 15, 16])
@pytest.mark.parametrize("offset", [-20.0, -8.0, 0.0, 1e-30, 1e30])
def test_values_of_any_sign_and_size_are_in_their_order(k: int, offset: float) -> None:
    layer = block(16, k / 16, window=1, boost_strength=0.0).eval()
    values = (
        torch.randperm(16, generator=torch.Generator().manual_seed(k)) * (abs(offset) / 8 or 1.0) + offset
    )
    with torch.inference_mode():
        y = layer(values.view(1, 16, 1, 1)).flatten()
    winners = values >= values.sort(descending=True).values[k - 1]
    assert winners.sum() == k
    assert torch.equal(y != 0, winners & (values != 0))


def test_all_that_equal_the_kth_highest_win() -> None:
    layer = block(4, 0.1, boost_strength=0.0).eval()
    with torch.inference_mode():
        assert layer(torch.ones(2, 4, 6, 6)).count_nonzero() == 2 * 4 * 3 * 3


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@ORDERS
def test_a_network_that_diverged_shows_it(value: float, before_pool: bool) -> None:
    x = batch(4, 8, 6, 6)
    x[1, 2, 3, 4] = value
    assert not block(8, 0.2, before_pool=before_pool)(x).isfinite().all()


def test_a_channel_that_is_constant_has_no_gradient() -> None:
    x = batch(4, 3, 6, 6)
    x[:, 1] = 7.3
    x.requires_grad_()
    layer = block(3, 0.9)
    layer(x).square().sum().backward()
    assert gradient_of(x).isfinite().all()
    assert running(layer)[1][1] == pytest.approx(0.9)  # 0.9·1 + 0.1·0


def test_inference_uses_the_running_statistics_and_leaves_the_state_alone() -> None:
    layer = block(16, 0.1, k_inference_factor=2.0)
    layer(batch(8, 16, 8, 8))
    state = copy.deepcopy(layer.state_dict())
    layer.eval()
    x = batch(8, 16, 8, 8, seed=1)
    with torch.no_grad():
        y = layer(x)
    assert torch.allclose(y, one_after_the_other(layer, x), atol=1e-5)
    assert y.count_nonzero() == 8 * round(0.1 * 2.0 * 16 * 4 * 4)
    assert all(torch.equal(value, state[name]) for name, value in layer.state_dict().items())


def test_a_gradient_at_inference_takes_the_statistics_for_constants() -> None:
    layer = block(8, 0.2).eval()
    running(layer)[0].fill_(3.0)
    x = batch(2, 8, 4, 4).requires_grad_()
    layer(x).sum().backward()
    passed_on = sorted(set(gradient_of(x).flatten().tolist()))
    assert passed_on == pytest.approx([0.0, (1 + layer.norm.eps) ** -0.5], rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_the_compiled_functions_the_layers_run_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    layer = block(16, 0.1).to(dtype)
    x = batch(4, 16, 8, 8).to(dtype)
    expected = one_after_the_other(copy.deepcopy(layer), x)
    monkeypatch.setattr(library, "LIBRARY", None)
    assert torch.equal(layer(x), expected)


def test_memory_in_any_order_gives_the_same() -> None:
    x = batch(4, 16, 8, 8)
    assert torch.equal(block(16, 0.1)(x), block(16, 0.1)(x.contiguous()))
    transposed = x.transpose(2, 3).contiguous().transpose(2, 3)
    assert torch.equal(block(16, 0.1)(x), block(16, 0.1)(transposed))


def test_an_empty_batch_is_none_of_its_business() -> None:
    layer = block(4, 0.5).eval()
    with torch.no_grad():
        assert layer(torch.zeros(0, 4, 6, 6)).shape == (0, 4, 3, 3)
