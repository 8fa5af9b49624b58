"""Batch norm, max pooling and k-winners, in either order: what `kernels/norm_pool_winners.py` does, on a GPU.

One launch cannot do it: nothing is normalised before the whole batch has been summed, and nothing wins before
the whole sample has been compared. It takes four launches, and three for the gradient, each of which passes
once over what it reads:

    _sum_pixels, _finish_statistics    sums over each sample, and of these the mean and the variance
    _find_thresholds                   the boosted activation that a unit of a sample has to reach
    _keep_winners                      normalises once more, chooses and pools
    _sum_passed_on, _spread_gradient   sums over each sample, their sum by torch, and the gradient

A batch is (N, H, W, C) in memory, a block of values (positions, channels). Sums are added in one order
whatever runs first, so that two runs agree in every bit.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from sigtune.kernels.gpu.kth_highest import (
    LONGEST_ROW,
    LOWEST_ORDER,
    float_of,
    kth_highest_order,
    order_of,
    warps_for,
)

_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
_WIDEST_WINDOW = 4  # loops over a window's pixels are unrolled
_TILE = 8192  # values of a sum or of the gradient that a block of threads has in its registers at once
_WINDOWS_TILE = 2048  # windows times channels, of each of which the pixels are read
_NO_WINNER = tl.constexpr(255)


@triton.jit
def _of_channels(values, c, channels):
    return tl.load(values + c, mask=c < channels, other=0.0)


@triton.jit
def _sum_pixels(x, sums, pixels, channels, tile: tl.constexpr, block: tl.constexpr):
    """Sum x − shift and its square over a sample's pixels; a shift near the mean keeps the squares exact."""
    sample = tl.program_id(0).to(tl.int64)
    c = tl.arange(0, block)[None, :]
    shift = _of_channels(x, c, channels).to(tl.float32)
    total = tl.zeros((1, block), tl.float32)
    squares = tl.zeros((1, block), tl.float32)
    for start in range(0, pixels, tile):
        pixel = start + tl.arange(0, tile)[:, None]
        there = (pixel < pixels) & (c < channels)
        value = tl.load(x + (sample * pixels + pixel) * channels + c, mask=there, other=0.0).to(tl.float32)
        value = tl.where(there, value - shift, 0.0)
        total += tl.sum(value, axis=0, keep_dims=True)
        squares += tl.sum(value * value, axis=0, keep_dims=True)
    tl.store(sums + sample * 2 * channels + c, total, mask=c < channels)
    tl.store(sums + (sample * 2 + 1) * channels + c, squares, mask=c < channels)


@triton.jit
def _finish_statistics(
    x, sums, mean, variance, samples, count, channels, tile: tl.constexpr, block: tl.constexpr
):
    """Make the mean and the biased variance of each channel of the sums over each sample."""
    c = tl.arange(0, block)[None, :]
    total = tl.zeros((1, block), tl.float64)
    squares = tl.zeros((1, block), tl.float64)
    for start in range(0, samples, tile):
        sample = start + tl.arange(0, tile)[:, None]
        there = (sample < samples) & (c < channels)
        at = sums + sample * 2 * channels + c
        of_pixels = tl.load(at, mask=there, other=0.0).to(tl.float64)
        of_squares = tl.load(at + channels, mask=there, other=0.0).to(tl.float64)
        total += tl.sum(of_pixels, axis=0, keep_dims=True)
        squares += tl.sum(of_squares, axis=0, keep_dims=True)
    from_shift = total / count
    spread = squares / count - from_shift * from_shift
    shift = _of_channels(x, c, channels).to(tl.float32)
    tl.store(mean + c, (shift + from_shift).to(tl.float32), mask=c < channels)
    # A NaN stays one.
    tl.store(variance + c, tl.where(spread < 0, 0.0, spread).to(tl.float32), mask=c < channels)


@triton.jit
def _highest_of_window(x, corner, width, channels, there, window: tl.constexpr):
    """Return the highest of each window's pixels and its index: the first of equals; a NaN is the highest."""
    highest = tl.load(x + corner, mask=there, other=0.0).to(tl.float32)
    highest_index = tl.zeros_like(corner).to(tl.int32)
    for index in tl.static_range(1, window * window):
        at = corner + ((index // window) * width + index % window) * channels
        value = tl.load(x + at, mask=there, other=0.0).to(tl.float32)
        higher = (value > highest) | (value != value)  # noqa: PLR0124
        highest = tl.where(higher, value, highest)
        highest_index = tl.where(higher, index, highest_index)
    return highest, highest_index


@triton.jit(do_not_specialize=["k"])
def _find_thresholds(
    x, mean, scale, boost, thresholds, last_ties, k, height, width, channels,
    window: tl.constexpr, before_pool: tl.constexpr, exactly_k: tl.constexpr,
    positions: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """Find the k-th highest boosted activation of a sample.

    With `exactly_k` also which of those that equal it is the last to win, by its index in memory.
    """
    sample = tl.program_id(0).to(tl.int64)
    x += sample * height * width * channels
    c = tl.arange(0, block)[None, :]
    position = tl.arange(0, positions)[:, None]
    unit = position * channels + c
    if before_pool:
        competes = (position < height * width) & (c < channels)
        highest = tl.load(x + unit, mask=competes, other=0.0).to(tl.float32)
    else:
        row, column = position // (width // window), position % (width // window)
        competes = (row < height // window) & (c < channels)
        corner = (row * width + column) * window * channels + c
        highest, _ = _highest_of_window(x, corner, width, channels, competes, window)
    # Normalising is the same for all of a channel and keeps their order: it may come after the pooling.
    activation = (highest - _of_channels(mean, c, channels)) * _of_channels(scale, c, channels)
    orders = tl.where(competes, order_of(activation * _of_channels(boost, c, channels)), LOWEST_ORDER)
    threshold = kth_highest_order(orders, k)
    tl.store(thresholds + sample, float_of(threshold))
    if exactly_k:
        left = k - tl.sum((orders > threshold).to(tl.int32))
        ties = tl.where(orders == threshold, -unit, LOWEST_ORDER)  # the first one is the highest
        tl.store(last_ties + sample, -kth_highest_order(ties, left))


@triton.jit
def _wins(boosted, unit, sample, thresholds, last_ties, exactly_k: tl.constexpr):
    threshold = tl.load(thresholds + sample)
    if exactly_k:
        return (boosted > threshold) | ((boosted == threshold) & (unit <= tl.load(last_ties + sample)))
    else:  # noqa: RET505 - Triton compiles one of the two
        return boosted >= threshold


@triton.jit
def _keep_winners_and_pool(
    x, mean, scale, boost, thresholds, last_ties, y, argmax, on, height, width, channels,
    window: tl.constexpr, exactly_k: tl.constexpr, tile: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """Choose among the pixels of some windows of a sample, write the highest, and count units that are on.

    Pixels of the windows that reach over the edge compete and are counted, but nothing of them is in y.
    """
    sample = tl.program_id(0).to(tl.int64)
    number = tl.program_id(1) * tile + tl.arange(0, tile)[:, None]
    c = tl.arange(0, block)[None, :]
    across = (width + window - 1) // window
    row, column = number // across, number % across
    x += sample * height * width * channels
    mean_of_c, scale_of_c = _of_channels(mean, c, channels), _of_channels(scale, c, channels)
    highest = tl.full((tile, block), -float("inf"), tl.float32)
    highest_index = tl.full((tile, block), _NO_WINNER, tl.int32)
    counts = tl.zeros((tile, block), tl.int32)
    for index in tl.static_range(window * window):
        down, right = row * window + index // window, column * window + index % window
        there = (down < height) & (right < width) & (c < channels)
        unit = (down * width + right) * channels + c
        activation = (tl.load(x + unit, mask=there, other=0.0).to(tl.float32) - mean_of_c) * scale_of_c
        boosted = activation * _of_channels(boost, c, channels)
        wins = there & _wins(boosted, unit, sample, thresholds, last_ties, exactly_k)
        value = tl.where(wins, activation, activation * 0.0)  # a NaN stays one
        higher = (value > highest) | (value != value)  # noqa: PLR0124
        highest = tl.where(higher, value, highest)
        highest_index = tl.where(higher, tl.where(wins, index, _NO_WINNER), highest_index)
        counts += (wins & (value > 0)).to(tl.int32)
    is_pooled = (row < height // window) & (column < width // window) & (c < channels)
    at = ((sample * (height // window) + row) * (width // window) + column) * channels + c
    tl.store(y + at, highest, mask=is_pooled)
    tl.store(argmax + at, highest_index.to(tl.uint8), mask=is_pooled)
    part = sample * tl.num_programs(1) + tl.program_id(1)
    tl.store(on + part * channels + c, tl.sum(counts, axis=0, keep_dims=True), mask=c < channels)


@triton.jit
def _pool_and_keep_winners(
    x, mean, scale, boost, thresholds, last_ties, y, argmax, on, height, width, channels,
    window: tl.constexpr, exactly_k: tl.constexpr, tile: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """Choose among the highest of some windows of a sample, write them, and count the units that are on."""
    sample = tl.program_id(0).to(tl.int64)
    position = tl.program_id(1) * tile + tl.arange(0, tile)[:, None]
    c = tl.arange(0, block)[None, :]
    row, column = position // (width // window), position % (width // window)
    there = (row < height // window) & (c < channels)
    x += sample * height * width * channels
    corner = (row * width + column) * window * channels + c
    highest, highest_index = _highest_of_window(x, corner, width, channels, there, window)
    activation = (highest - _of_channels(mean, c, channels)) * _of_channels(scale, c, channels)
    boosted = activation * _of_channels(boost, c, channels)
    unit = position * channels + c
    wins = there & _wins(boosted, unit, sample, thresholds, last_ties, exactly_k)
    at = sample * (height // window) * (width // window) * channels + unit
    tl.store(y + at, tl.where(wins, activation, activation * 0.0), mask=there)  # a NaN stays one
    tl.store(argmax + at, tl.where(wins, highest_index, _NO_WINNER).to(tl.uint8), mask=there)
    counts = tl.sum((wins & (activation > 0)).to(tl.int32), axis=0, keep_dims=True)
    part = sample * tl.num_programs(1) + tl.program_id(1)
    tl.store(on + part * channels + c, counts, mask=c < channels)


@triton.jit
def _sum_passed_on(grad_y, y, argmax, sums, positions, channels, tile: tl.constexpr, block: tl.constexpr):
    """Sum the gradients that a sample's winners pass on, and these times the normalised activation, y."""
    sample = tl.program_id(0).to(tl.int64)
    c = tl.arange(0, block)[None, :]
    total = tl.zeros((1, block), tl.float32)
    products = tl.zeros((1, block), tl.float32)
    for start in range(0, positions, tile):
        position = start + tl.arange(0, tile)[:, None]
        there = (position < positions) & (c < channels)
        at = (sample * positions + position) * channels + c
        won = there & (tl.load(argmax + at, mask=there, other=_NO_WINNER) != _NO_WINNER)
        passed_on = tl.load(grad_y + at, mask=won, other=0.0).to(tl.float32)
        product = passed_on * tl.load(y + at, mask=won, other=0.0).to(tl.float32)
        total += tl.sum(passed_on, axis=0, keep_dims=True)
        products += tl.sum(product, axis=0, keep_dims=True)
    tl.store(sums + sample * 2 * channels + c, total, mask=c < channels)
    tl.store(sums + (sample * 2 + 1) * channels + c, products, mask=c < channels)


@triton.jit
def _spread_gradient(
    grad_y, x, argmax, mean, scale, totals, grad_x, count, height, width, channels,
    window: tl.constexpr, tile: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """Write scale·(g − mean(g) − x̂·mean(g·x̂)), where x̂ = (x − mean)·scale and g is what winners pass on."""
    sample = tl.program_id(0).to(tl.int64)
    pixel = tl.program_id(1) * tile + tl.arange(0, tile)[:, None]
    c = tl.arange(0, block)[None, :]
    there = (pixel < height * width) & (c < channels)
    row, column = pixel // width, pixel % width
    down, right = row // window, column // window
    is_pooled = there & (down < height // window) & (right < width // window)
    pooled = ((sample * (height // window) + down) * (width // window) + right) * channels + c
    index = (row % window) * window + column % window
    won = is_pooled & (tl.load(argmax + pooled, mask=is_pooled, other=_NO_WINNER) == index)
    passed_on = tl.load(grad_y + pooled, mask=won, other=0.0).to(tl.float32)
    at = (sample * height * width + pixel) * channels + c
    scale_of_c = _of_channels(scale, c, channels)
    activation = tl.load(x + at, mask=there, other=0.0).to(tl.float32) - _of_channels(mean, c, channels)
    activation *= scale_of_c
    mean_passed_on = (_of_channels(totals, c, channels) / count).to(tl.float32)
    mean_product = (_of_channels(totals + channels, c, channels) / count).to(tl.float32)
    gradient = scale_of_c * (passed_on - mean_passed_on - activation * mean_product)
    tl.store(grad_x + at, gradient, mask=there)


def takes(x: Tensor, window: int, before_pool: bool) -> bool:
    """Return whether the functions below take x, (N, C, H, W): a sample fits the registers of a block."""
    positions = _competing(x, window, before_pool)
    return (
        x.dtype in _DTYPES
        and len(x) > 0
        and 0 < window <= _WIDEST_WINDOW
        and min(positions, x.shape[1]) > 0
        and triton.next_power_of_2(positions) * triton.next_power_of_2(x.shape[1]) <= LONGEST_ROW
    )


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the biased variance of each channel of (N, C, H, W): (C,) and (C,) float32."""
    x = x.contiguous(memory_format=torch.channels_last)
    samples, channels = x.shape[:2]
    pixels = x.shape[2] * x.shape[3]
    tiles = _tiles(channels, _TILE)
    sums = x.new_empty(samples, 2, channels, dtype=torch.float32)
    mean, variance = (x.new_empty(channels, dtype=torch.float32) for _ in range(2))
    _sum_pixels[(samples,)](x, sums, pixels, channels, *tiles, num_warps=8)
    _finish_statistics[(1,)](
        x, sums, mean, variance, samples, samples * pixels, channels, *tiles, num_warps=8
    )
    return mean, variance


def norm_pool_winners(
    x: Tensor, mean: Tensor, scale: Tensor, boost: Tensor, k: int, window: int, before_pool: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the winners, their argmax indices and how often each channel is on.

    Arguments and results are those of `kernels/norm_pool_winners.py::norm_pool_winners`. In 16 bits exactly k
    of a sample's units win: of those that are equal the first ones, position by position.
    """
    x = x.contiguous(memory_format=torch.channels_last)
    samples, channels, height, width = x.shape
    exactly_k = x.dtype.itemsize == 2
    thresholds = x.new_empty(samples, dtype=torch.float32)
    last_ties = x.new_empty(samples, dtype=torch.int32)
    positions = triton.next_power_of_2(_competing(x, window, before_pool))
    block = triton.next_power_of_2(channels)
    how = (x, mean, scale, boost, thresholds, last_ties)
    _find_thresholds[(samples,)](
        *how, k, height, width, channels, window, before_pool, exactly_k, positions, block,
        num_warps=warps_for(positions * block),
    )  # fmt: skip
    shape = (samples, channels, height // window, width // window)
    y = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    argmax = torch.empty_like(y, dtype=torch.uint8)
    tile, block = _tiles(channels, _WINDOWS_TILE)
    windows = -(-height // window) * -(-width // window) if before_pool else shape[2] * shape[3]
    grid = (samples, triton.cdiv(windows, tile))
    on = x.new_empty(*grid, channels, dtype=torch.int32)
    keep = _keep_winners_and_pool if before_pool else _pool_and_keep_winners
    keep[grid](*how, y, argmax, on, height, width, channels, window, exactly_k, tile, block)
    return y, argmax, on.sum(dim=(0, 1))


def norm_pool_winners_gradient(
    grad_y: Tensor, x: Tensor, y: Tensor, argmax: Tensor, mean: Tensor, scale: Tensor, window: int
) -> Tensor:
    """Return the gradient with respect to x, (N, C, H, W), from the one with respect to y."""
    x = x.contiguous(memory_format=torch.channels_last)
    grad_y = grad_y.contiguous(memory_format=torch.channels_last)
    samples, channels, height, width = x.shape
    tile, block = _tiles(channels, _TILE)
    sums = x.new_empty(samples, 2, channels, dtype=torch.float32)
    _sum_passed_on[(samples,)](
        grad_y, y, argmax, sums, y.shape[2] * y.shape[3], channels, tile, block, num_warps=8
    )
    totals = sums.sum(dim=0, dtype=torch.float64)
    grad_x = torch.empty_like(x)
    count = samples * height * width
    _spread_gradient[(samples, triton.cdiv(height * width, tile))](
        grad_y, x, argmax, mean, scale, totals, grad_x, count, height, width, channels, window, tile, block,
        num_warps=8,
    )  # fmt: skip
    return grad_x


def _competing(x: Tensor, window: int, before_pool: bool) -> int:
    """Return among how many positions of a sample the winners are chosen."""
    height, width = x.shape[2:]
    return height * width if before_pool else (height // window) * (width // window)


def _tiles(channels: int, values: int) -> tuple[int, int]:
    """Return how many positions a tile of so many values has, and how many channels, in powers of two."""
    block: int = triton.next_power_of_2(channels)
    return max(1, values // block), block
