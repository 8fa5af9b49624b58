"""Triton's batch norm, pooling and k-winners beside torch's layers."""

from typing import Any

import pytest
import torch
from tests.gradients import backward, gradient_of
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from sigtune.kernels import choice
from sigtune.models.k_winners import KWinners2d, KWinnersConfig
from sigtune.models.norm_pool_winners import NormPoolWinners

ORDERS = pytest.mark.parametrize("before_pool", [False, True], ids=["pooled first", "chosen first"])
# The layers of the networks in conf/; sizes that leave pixels over; channels that are no power of two.
SHAPES = [(2, 64, 28, 28), (3, 64, 10, 10), (3, 3, 9, 7), (2, 24, 10, 11), (2, 1, 3, 3), (8, 30, 1, 1)]
SHAPES_IN_16_BITS = [SHAPES[1], SHAPES[2], SHAPES[5]]


@pytest.fixture
def in_triton(device: str) -> Any:
    """The module that is tested."""
    from sigtune.kernels.gpu import norm_pool_winners

    return norm_pool_winners


def batch(shape: tuple[int, ...], device: str, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scales = torch.rand(shape[1], 1, 1, generator=generator) + 0.5
    x = torch.randn(shape, generator=generator) * scales + 3 * scales
    return x.to(device, dtype).contiguous(memory_format=torch.channels_last)


def of_channels(channels: int, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return a mean, a scale and a boost factor for each channel, (C,) each."""
    ends = ((1.0, 4.0), (0.6, 2.0), (0.5, 1.5))
    mean, scale, boost = (torch.linspace(*pair, channels, device=device) for pair in ends)
    return mean, scale, boost


def window_for(shape: tuple[int, ...]) -> int:
    return min(2, shape[2])


def competing(shape: tuple[int, ...], before_pool: bool) -> int:
    """Return how many units of a sample compete."""
    window = 1 if before_pool else window_for(shape)
    return shape[1] * (shape[2] // window) * (shape[3] // window)


def k_winner_layer(channels: int, units: int, k: int, device: str) -> KWinners2d:
    """Return a layer that lets k of so many units win, and boosts each channel by another factor."""
    layer = KWinners2d(channels, k / units, KWinnersConfig(boost_strength=1.0)).eval()
    layer.duty_cycle.copy_(torch.linspace(0, 1, channels))
    return layer.to(device)


def torchs_choice(
    x: Tensor, mean: Tensor, scale: Tensor, winners: KWinners2d, window: int, before_pool: bool
) -> tuple[Tensor, Tensor]:
    """Return what torch's layers choose of x, normalised in float32, and of which units."""
    normalised = (x.float() - mean[:, None, None]) * scale[:, None, None]
    pool = nn.MaxPool2d(window)
    chosen = winners(normalised if before_pool else pool(normalised))
    return pool(chosen) if before_pool else chosen, chosen


BATCHES = pytest.mark.parametrize(
    ("shape", "dtype"),
    [(shape, torch.float32) for shape in SHAPES]
    + [(shape, dtype) for shape in SHAPES_IN_16_BITS for dtype in (torch.bfloat16, torch.float16)],
)


@BATCHES
def test_mean_and_variance_are_those_of_the_batch(
    in_triton: Any, device: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    x = batch(shape, device, dtype)
    variance, mean = torch.var_mean(x.double(), dim=(0, 2, 3), correction=0)
    found = in_triton.channel_statistics(x)
    assert torch.allclose(found[0], mean.float(), rtol=1e-6)
    assert torch.allclose(found[1], variance.float(), rtol=1e-5)


def test_the_variance_is_exact_far_from_zero(in_triton: Any, device: str) -> None:
    x = batch((8, 4, 12, 12), device) + 1e4
    variance = x.double().var(dim=(0, 2, 3), correction=0)
    assert torch.allclose(in_triton.channel_statistics(x)[1], variance.float(), rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("percent_on", [0.01, 0.125, 0.9, 1.0])
@ORDERS
def test_the_winners_are_those_that_torchs_layers_choose(
    in_triton: Any, device: str, shape: tuple[int, ...], percent_on: float, before_pool: bool
) -> None:
    x, units, window = batch(shape, device), competing(shape, before_pool), window_for(shape)
    k = max(1, round(percent_on * units))
    winners = k_winner_layer(shape[1], units, k, device)
    mean, scale, _ = of_channels(shape[1], device)
    boost = winners.boost_factors(units)
    y, argmax, on = in_triton.norm_pool_winners(x, mean, scale, boost, k, window, before_pool)
    expected, chosen = torchs_choice(x, mean, scale, winners, window, before_pool)
    assert torch.equal(y, expected)
    assert torch.equal(on, (chosen > 0).sum(dim=(0, 2, 3)))
    assert torch.equal(argmax != 255, expected != 0)


@ORDERS
def test_an_argmax_index_is_that_of_the_winner_in_its_window(
    in_triton: Any, device: str, before_pool: bool
) -> None:
    x = batch((3, 16, 9, 8), device)
    mean, scale, boost = of_channels(16, device)
    y, argmax, _ = in_triton.norm_pool_winners(x, mean, scale, boost, 60, 3, before_pool)
    normalised = (x - mean[:, None, None]) * scale[:, None, None]
    windows = normalised[:, :, :9, :6].unfold(2, 3, 3).unfold(3, 3, 3).flatten(4)
    won = argmax != 255
    of_index = windows.gather(4, argmax.where(won, torch.zeros_like(argmax)).long()[..., None])[..., 0]
    assert won.any()
    assert torch.equal(y[won], of_index[won])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", SHAPES_IN_16_BITS)
@pytest.mark.parametrize("percent_on", [0.095, 0.6, 1.0])
@ORDERS
def test_in_16_bits_exactly_k_win_of_which_none_is_lower_than_a_loser(
    in_triton: Any,
    device: str,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    percent_on: float,
    before_pool: bool,
) -> None:
    window = 1 if before_pool else window_for(shape)  # with one pixel a window y shows every winner
    units = competing(shape, before_pool)
    k = max(1, round(percent_on * units))
    x = batch(shape, device, dtype)
    mean, scale, boost = of_channels(shape[1], device)
    y, argmax, _ = in_triton.norm_pool_winners(x, mean, scale, boost, k, window, before_pool)
    competitors = nn.functional.max_pool2d(x.float(), window)
    activations = (competitors - mean[:, None, None]) * scale[:, None, None]
    boosted, won = activations * boost[:, None, None], argmax != 255
    assert y.dtype == dtype
    if not before_pool:
        assert (won.flatten(1).sum(dim=1) == k).all()
    lowest_winner = boosted.where(won, torch.inf).flatten(1).amin(dim=1)
    highest_loser = boosted.where(~won, -torch.inf).flatten(1).amax(dim=1)
    assert (lowest_winner >= highest_loser).all()
    assert torch.allclose(y.float(), activations * won, rtol=0.01, atol=1e-6)


@ORDERS
def test_of_equal_units_all_win_and_in_16_bits_the_first_ones(
    in_triton: Any, device: str, before_pool: bool
) -> None:
    ones = torch.ones(2, 4, 6, 6, device=device)
    zeros, each = torch.zeros(4, device=device), torch.ones(4, device=device)
    _, _, on = in_triton.norm_pool_winners(ones, zeros, each, each, 10, 1, before_pool)
    assert on.tolist() == [2 * 6 * 6] * 4
    y, _, on = in_triton.norm_pool_winners(ones.bfloat16(), zeros, each, each, 10, 1, before_pool)
    assert on.tolist() == [2 * 3, 2 * 3, 2 * 2, 2 * 2]
    assert (y[:, :, 0, :2] == 1).all()
    assert (y[:, :2, 0, 2] == 1).all()
    assert y.count_nonzero() == 2 * 10


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@ORDERS
def test_a_nan_stays_one(in_triton: Any, device: str, dtype: torch.dtype, before_pool: bool) -> None:
    x = batch((4, 8, 6, 6), device, dtype)
    x[1, 2, 3, 4] = float("nan")
    mean, variance = in_triton.channel_statistics(x)
    assert mean.isnan().tolist() == variance.isnan().tolist() == [channel == 2 for channel in range(8)]
    how = of_channels(8, device)
    for k in (1, 5):
        assert in_triton.norm_pool_winners(x, *how, k, 2, before_pool)[0][1, 2, 1, 2].isnan()


@BATCHES
@ORDERS
def test_the_gradient_is_that_of_torchs_layers_in_float64(
    in_triton: Any, device: str, shape: tuple[int, ...], dtype: torch.dtype, before_pool: bool
) -> None:
    window, boost = window_for(shape), of_channels(shape[1], device)[2]
    k = max(1, round(0.2 * competing(shape, before_pool)))
    x = batch(shape, device, dtype)
    mean, variance = in_triton.channel_statistics(x)
    scale = torch.rsqrt(variance + 1e-5)
    y, argmax, _ = in_triton.norm_pool_winners(x, mean, scale, boost, k, window, before_pool)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(device, dtype)
    gradient = in_triton.norm_pool_winners_gradient(weights, x, y, argmax, mean, scale, window)
    precise = x.double().requires_grad_()
    normalised = nn.functional.batch_norm(precise, None, None, training=True)
    chosen = chosen_as_before(normalised, argmax, window)
    backward((chosen * weights).sum())
    tolerance = 1e-5 if dtype == torch.float32 else 0.02
    assert gradient.dtype == dtype
    assert torch.allclose(gradient.double(), gradient_of(precise), rtol=tolerance, atol=tolerance)


def chosen_as_before(normalised: Tensor, argmax: Tensor, window: int) -> Tensor:
    """Return of each window the pixel that won, (N, C, H', W'), and 0 where none did."""
    pooled_height, pooled_width = argmax.shape[2:]
    inside = normalised[:, :, : pooled_height * window, : pooled_width * window]
    windows = inside.unfold(2, window, window).unfold(3, window, window).flatten(4)
    won = argmax != 255
    index = argmax.where(won, torch.zeros_like(argmax)).long()
    return windows.gather(4, index[..., None])[..., 0] * won


def test_memory_in_any_order_gives_the_same(in_triton: Any, device: str) -> None:
    x = batch((4, 16, 8, 8), device)
    how = (*of_channels(16, device), 100, 2, True)
    expected = in_triton.norm_pool_winners(x, *how)
    transposed = x.transpose(2, 3).contiguous().transpose(2, 3)
    for other in (x.contiguous(), transposed):
        assert all(map(torch.equal, in_triton.norm_pool_winners(other, *how), expected))
        assert all(map(torch.equal, in_triton.channel_statistics(other), in_triton.channel_statistics(x)))


def test_it_takes_samples_that_fit_a_block(in_triton: Any) -> None:
    takes = in_triton.takes
    assert takes(torch.empty(2, 64, 28, 28), 2, True)
    assert takes(torch.empty(2, 64, 60, 60, dtype=torch.bfloat16), 2, False)
    assert not takes(torch.empty(2, 64, 60, 60), 2, True)
    assert not takes(torch.empty(2, 64, 28, 28, dtype=torch.float64), 2, True)
    assert not takes(torch.empty(0, 64, 28, 28), 2, True)
    assert not takes(torch.empty(2, 64, 1, 1), 2, False)
    assert not takes(torch.empty(2, 64, 28, 28), 5, True)


@pytest.fixture
def _listed(in_triton: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every GPU listed as one on which the kernel pays."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a card")
    monkeypatch.setattr(choice, "CARDS_WITH_TRITON", {"norm_pool_winners": {"a card"}, "kth_highest": ()})


def layer(before_pool: bool) -> NormPoolWinners:
    winners = KWinners2d(64, 0.125, KWinnersConfig(boost_strength=1.5))
    winners.duty_cycle.copy_(torch.linspace(0, 0.25, 64))
    return NormPoolWinners(64, 2, winners, before_pool)


def faked_on_gpu(module: NormPoolWinners) -> NormPoolWinners:
    """Return a layer whose state has shapes and a device, but no values."""
    for part in module.modules():
        for name, buffer in part.named_buffers(recurse=False):
            setattr(part, name, torch.empty(buffer.shape, dtype=buffer.dtype, device="cuda"))
    return module


@pytest.mark.usefixtures("_listed")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@ORDERS
def test_a_layer_chooses_in_triton_on_a_card_that_is_listed(dtype: torch.dtype, before_pool: bool) -> None:
    with FakeTensorMode(allow_non_fake_inputs=True):
        x = torch.empty(8, 64, 28, 28, dtype=dtype, device="cuda")
        y, argmax = faked_on_gpu(layer(before_pool)).choose(x)
        assert argmax is not None
        assert (y.shape, y.dtype, y.device.type) == ((8, 64, 14, 14), dtype, "cuda")
    for operator in ("channel_statistics", "norm_pool_winners", "norm_pool_winners_gradient"):
        assert torch._C._dispatch_has_kernel_for_dispatch_key(f"sigtune::{operator}", "CUDA")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.usefixtures("_listed")
@ORDERS
def test_a_layer_trains_as_torchs_layers_do(before_pool: bool) -> None:
    fused, apart = layer(before_pool).cuda(), layer(before_pool).cuda()
    for seed in range(3):
        x = batch((16, 64, 28, 28), "cuda", seed=seed).requires_grad_()
        other = x.detach().clone().requires_grad_()
        y, argmax = fused.choose(x)
        expected = apart.norm(other)
        for after in (apart.winners, apart.pool) if before_pool else (apart.pool, apart.winners):
            expected = after(expected)
        backward(y.square().sum())
        backward(expected.square().sum())
        assert argmax is not None
        # Rounding decides between activations that are as good as equal; a sample has at most such a pair.
        assert (~torch.isclose(y, expected, rtol=1e-4, atol=1e-4)).flatten(1).sum(dim=1).max() <= 2
        assert torch.isclose(gradient_of(x), gradient_of(other), rtol=0.01, atol=1e-3).float().mean() > 0.999
    state = apart.state_dict()
    for name, value in fused.state_dict().items():
        assert torch.allclose(value.float(), state[name].float(), rtol=1e-3, atol=1e-4), name
