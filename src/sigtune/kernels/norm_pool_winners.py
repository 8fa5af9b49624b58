"""Batch norm, max pooling and k-winners, in either order, in one function, and their gradient.

Each of these layers alone spends its time on reading and writing memory, and most of what it writes the next
one throws away. `norm_pool_winners.cpp` does all three in two passes over a convolution's output, and two
more for the gradient; `gpu/norm_pool_winners.py` does it on the GPUs where it has been seen to pay.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sigtune.kernels.choice import triton_pays
from sigtune.kernels.library import compiled, is_compiled

_DTYPES = (torch.float32, torch.bfloat16)
_WINDOW_PIXELS = 255  # at most: an argmax index is kept in a byte, and 255 stands for no winner


def can_norm_pool_and_choose(x: Tensor, window: int, before_pool: bool) -> bool:
    """Return whether the functions below take x, (N, C, H, W), and pooling windows of window × window."""
    if triton_pays("norm_pool_winners", x.device):
        from sigtune.kernels.gpu import norm_pool_winners as in_triton

        return in_triton.takes(x, window, before_pool)
    return (
        is_compiled()
        and x.device.type == "cpu"
        and x.dtype in _DTYPES
        and len(x) > 0
        and window**2 <= _WINDOW_PIXELS
    )


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the biased variance of each channel of (N, C, H, W): (C,) and (C,) float32."""
    mean: Tensor
    mean, variance = _statistics(x)
    return mean, variance


def norm_pool_winners(
    x: Tensor, mean: Tensor, scale: Tensor, boost: Tensor, k: int, window: int, before_pool: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise, pool and choose: x is (N, C, H, W), mean, scale and boost are (C,) float32.

    Returns the winners, (N, C, H // window, W // window); their argmax indices, uint8 of the same shape: the
    index of each within its pooling window, row by row, and 255 where a unit did not win; and for how many
    samples and positions each channel is on, (C,) int64. With `before_pool` the k winners, and the positions
    that are on, are of all H × W, and the pooling passes on the highest of a window. The gradient is the one
    for mean and scale of this very batch.
    """
    y: Tensor
    y, argmax, on = _winners(x, mean, scale, boost, k, window, before_pool)
    return y, argmax, on


def _in_memory(x: Tensor) -> tuple[Tensor, tuple[int, int, int, int]]:
    """Return x, (N, C, H, W), in channels_last, and its sizes in the order they have there."""
    images, channels, height, width = x.shape
    return x.contiguous(memory_format=torch.channels_last), (images, height, width, channels)


def _empty(like: Tensor, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """Return an (N, C, *size) tensor in channels_last, N and C being those of `like`."""
    shape = (*like.shape[:2], *size)
    return torch.empty(shape, dtype=dtype, device=like.device, memory_format=torch.channels_last)


# Custom operators, so that torch.compile does not break the graph, nor looks inside.


@torch.library.custom_op("sigtune::channel_statistics", mutates_args=(), device_types="cpu")
def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    x, sizes = _in_memory(x)
    mean, variance = _statistics_like(x)
    compiled().channel_statistics(
        x.data_ptr(),
        x.dtype == torch.bfloat16,
        *sizes,
        torch.get_num_threads(),
        mean.data_ptr(),
        variance.data_ptr(),
    )
    return mean, variance


@_statistics.register_kernel("cuda")
def _statistics_in_triton(x: Tensor) -> tuple[Tensor, Tensor]:
    from sigtune.kernels.gpu import norm_pool_winners as in_triton

    return in_triton.channel_statistics(x)


@_statistics.register_fake
def _statistics_like(x: Tensor) -> tuple[Tensor, Tensor]:
    channels = x.shape[1]
    return x.new_empty(channels, dtype=torch.float32), x.new_empty(channels, dtype=torch.float32)


@torch.library.custom_op("sigtune::norm_pool_winners", mutates_args=(), device_types="cpu")
def _winners(
    x: Tensor, mean: Tensor, scale: Tensor, boost: Tensor, k: int, window: int, before_pool: bool
) -> tuple[Tensor, Tensor, Tensor]:
    x, sizes = _in_memory(x)
    y, argmax, on = _winners_like(x, mean, scale, boost, k, window, before_pool)
    compiled().pooled_norm_winners(
        x.data_ptr(),
        x.dtype == torch.bfloat16,
        *sizes,
        window,
        before_pool,
        torch.get_num_threads(),
        mean.data_ptr(),
        scale.data_ptr(),
        boost.data_ptr(),
        k,
        y.data_ptr(),
        argmax.data_ptr(),
        on.zero_().data_ptr(),
    )
    return y, argmax, on


@_winners.register_kernel("cuda")
def _winners_in_triton(
    x: Tensor, mean: Tensor, scale: Tensor, boost: Tensor, k: int, window: int, before_pool: bool
) -> tuple[Tensor, Tensor, Tensor]:
    from sigtune.kernels.gpu import norm_pool_winners as in_triton

    return in_triton.norm_pool_winners(x, mean, scale, boost, k, window, before_pool)


@_winners.register_fake
def _winners_like(
    x: Tensor, mean: Tensor, scale: Tensor, boost: Tensor, k: int, window: int, before_pool: bool
) -> tuple[Tensor, Tensor, Tensor]:
    pooled = (x.shape[2] // window, x.shape[3] // window)
    y, argmax = _empty(x, pooled, x.dtype), _empty(x, pooled, torch.uint8)
    return y, argmax, x.new_empty(x.shape[1], dtype=torch.int64)


@torch.library.custom_op("sigtune::norm_pool_winners_gradient", mutates_args=(), device_types="cpu")
def _gradient(
    grad_y: Tensor, x: Tensor, y: Tensor, argmax: Tensor, mean: Tensor, scale: Tensor, window: int
) -> Tensor:
    """Return the gradient with respect to x, (N, C, H, W), from the one with respect to y."""
    x, sizes = _in_memory(x)
    grad_y = grad_y.contiguous(memory_format=torch.channels_last)
    grad_x = torch.empty_like(x)
    compiled().norm_pool_winners_gradient(
        grad_y.data_ptr(),
        x.data_ptr(),
        y.data_ptr(),
        argmax.data_ptr(),
        x.dtype == torch.bfloat16,
        *sizes,
        window,
        torch.get_num_threads(),
        mean.data_ptr(),
        scale.data_ptr(),
        grad_x.data_ptr(),
    )
    return grad_x


@_gradient.register_kernel("cuda")
def _gradient_in_triton(
    grad_y: Tensor, x: Tensor, y: Tensor, argmax: Tensor, mean: Tensor, scale: Tensor, window: int
) -> Tensor:
    from sigtune.kernels.gpu import norm_pool_winners as in_triton

    return in_triton.norm_pool_winners_gradient(grad_y, x, y, argmax, mean, scale, window)


@_gradient.register_fake
def _gradient_like(
    grad_y: Tensor, x: Tensor, y: Tensor, argmax: Tensor, mean: Tensor, scale: Tensor, window: int
) -> Tensor:
    return torch.empty_like(x, memory_format=torch.channels_last)


def _save_for_gradient(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, mean, scale, _, _, ctx.window, _ = inputs
    y, argmax, on = output
    ctx.mark_non_differentiable(argmax, on)
    ctx.save_for_backward(x, y, argmax, mean, scale)


def _backward(ctx: Any, grad_y: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    grad_x = _gradient(grad_y, *ctx.saved_tensors, ctx.window)
    return grad_x, None, None, None, None, None, None


_winners.register_autograd(_backward, setup_context=_save_for_gradient)
