"""Batch norm, max pooling and k-winners after a convolution, in one function for the CPU.

Each of these layers alone spends its time on reading and writing memory, and most of what it writes the next
one throws away. `winners.cpp` does all three in two passes over the convolution's output, and two more
for the gradient. Where it is not compiled, on a GPU and for other dtypes the three layers run one after the
other.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sigtune.kernels.image_winners import TapMoments, can_choose_from_images, image_winners
from sigtune.kernels.library import LIBRARY
from sigtune.models.k_winners import KWinners2d

_DTYPES = (torch.float32, torch.bfloat16)
_PLACES = 255  # in a window at most: the compiled functions note them in a byte, and 255 for nowhere


class NormPoolWinners(nn.Module):
    """Batch norm, max pooling without overlap, k winners: (N, C, H, W) to (N, C, H // window, W // window).

    The winners, and up to rounding their values and gradients, are those of the three layers one after the
    other. In bfloat16 they are chosen before the activations are rounded, which would make many equal.
    """

    def __init__(self, channels: int, window: int, winners: KWinners2d) -> None:
        super().__init__()
        self.window = window
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.pool = nn.MaxPool2d(window)
        self.winners = winners

    def forward(self, x: Tensor) -> Tensor:
        """Return the winners of x, (N, C, H, W); in channels_last on the CPU."""
        return self.choose(x)[0]

    def choose(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the winners of x, (N, C, H, W), and the place of each in its window, row by row.

        The places are uint8, and 255 where a unit did not win; None where the three layers ran one by one.
        """
        if not self._can_be_fused(x):
            return self.winners(self.pool(self.norm(x))), None
        pixels = self._pooled(*x.shape[2:])
        if self.training:
            mean, variance = _statistics(x.detach())
            self._take_in(mean, variance, x.numel() // x.shape[1])
        else:
            mean, variance = self._running_statistics()
        y: Tensor
        y, places, on = _winners(x, mean, *self._how_to_choose(variance, pixels), self.window)
        self._count(on, len(x), pixels)
        return y, places

    def can_choose_from_images(self, images: Tensor, convolution: nn.Conv2d) -> bool:
        """Say whether `choose_from_images` takes the images, (N, C, H, W), and the convolution."""
        # In evaluation the statistics do not depend on the images, and the gradient is another.
        return (self.training or not torch.is_grad_enabled()) and can_choose_from_images(
            images, convolution, self.window
        )

    def choose_from_images(self, images: Tensor, convolution: nn.Conv2d) -> tuple[Tensor, Tensor]:
        """Return the same of the convolution of images, (N, C, H, W)."""
        pixels = self._pooled(*(size - convolution.kernel_size[0] + 1 for size in images.shape[2:]))
        moments = TapMoments(images, convolution.kernel_size[0]) if self.training else None
        if moments is None:
            mean, variance = self._running_statistics()
        else:
            mean, variance = moments.of_outputs(convolution)
            self._take_in(mean, variance, moments.count)
        how = self._how_to_choose(variance, pixels)
        y, places, on = image_winners(images, convolution, mean, *how, moments)
        self._count(on, len(images), pixels)
        return y, places

    def _pooled(self, height: int, width: int) -> int:
        return (height // self.window) * (width // self.window)

    def _how_to_choose(self, variance: Tensor, pixels: int) -> tuple[Tensor, Tensor, int]:
        """Return what to multiply activations by, (C,), and boosted ones, (C,), and how many win."""
        units = len(variance) * pixels
        scale = torch.rsqrt(variance + self.norm.eps)
        return scale, self.winners.boost_factors(units), self.winners.k(units)

    def _count(self, on: Tensor, images: int, pixels: int) -> None:
        if self.training:
            self.winners.update_duty_cycle(on / (images * pixels), images)

    def _can_be_fused(self, x: Tensor) -> bool:
        if LIBRARY is None or x.device.type != "cpu" or x.dtype not in _DTYPES or len(x) == 0:
            return False
        if self.window**2 > _PLACES:
            return False
        # In evaluation the statistics do not depend on x, and the gradient is another.
        return self.training or not (x.requires_grad and torch.is_grad_enabled())

    def _running_statistics(self) -> tuple[Tensor, Tensor]:
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None
        assert variance is not None
        return mean.float(), variance.float()

    def _take_in(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Take the statistics of `count` pixels into the running ones as `nn.BatchNorm2d` does."""
        unbiased = variance * (count / max(1, count - 1))
        momentum = self.norm.momentum
        assert momentum is not None
        for running, new in ((self.norm.running_mean, mean), (self.norm.running_var, unbiased)):
            assert running is not None
            running.lerp_(new.to(running.dtype), momentum)
        assert self.norm.num_batches_tracked is not None
        self.norm.num_batches_tracked.add_(1)


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
    """Return the mean and the biased variance of each channel of (N, C, H, W): (C,) and (C,) float32."""
    assert LIBRARY is not None
    x, sizes = _in_memory(x)
    mean, variance = _statistics_like(x)
    LIBRARY.statistics(
        x.data_ptr(),
        x.dtype == torch.bfloat16,
        *sizes,
        torch.get_num_threads(),
        mean.data_ptr(),
        variance.data_ptr(),
    )
    return mean, variance


@_statistics.register_fake
def _statistics_like(x: Tensor) -> tuple[Tensor, Tensor]:
    channels = x.shape[1]
    return x.new_empty(channels, dtype=torch.float32), x.new_empty(channels, dtype=torch.float32)


@torch.library.custom_op("sigtune::norm_pool_winners", mutates_args=(), device_types="cpu")
def _winners(
    x: Tensor, mean: Tensor, scale: Tensor, boost: Tensor, k: int, window: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise, pool and choose: x is (N, C, H, W), mean, scale and boost are (C,) float32.

    Returns the output, (N, C, H/window, W/window); the place of each winner in its window, row by row, and
    255 where a unit did not win, uint8 of the same shape; and for how many samples and positions each channel
    is on, (C,) int64. The gradient is the one for mean and scale of this very batch.
    """
    assert LIBRARY is not None
    x, sizes = _in_memory(x)
    y, places, on = _winners_like(x, mean, scale, boost, k, window)
    LIBRARY.winners(
        x.data_ptr(),
        x.dtype == torch.bfloat16,
        *sizes,
        window,
        torch.get_num_threads(),
        mean.data_ptr(),
        scale.data_ptr(),
        boost.data_ptr(),
        k,
        y.data_ptr(),
        places.data_ptr(),
        on.zero_().data_ptr(),
    )
    return y, places, on


@_winners.register_fake
def _winners_like(
    x: Tensor, mean: Tensor, scale: Tensor, boost: Tensor, k: int, window: int
) -> tuple[Tensor, Tensor, Tensor]:
    pooled = (x.shape[2] // window, x.shape[3] // window)
    y, places = _empty(x, pooled, x.dtype), _empty(x, pooled, torch.uint8)
    return y, places, x.new_empty(x.shape[1], dtype=torch.int64)


@torch.library.custom_op("sigtune::norm_pool_winners_gradient", mutates_args=(), device_types="cpu")
def _gradient(
    of_y: Tensor, x: Tensor, y: Tensor, places: Tensor, mean: Tensor, scale: Tensor, window: int
) -> Tensor:
    """Return the gradient with respect to x, (N, C, H, W), from the one with respect to y."""
    assert LIBRARY is not None
    x, sizes = _in_memory(x)
    of_y = of_y.contiguous(memory_format=torch.channels_last)
    of_x = torch.empty_like(x)
    LIBRARY.gradient(
        of_y.data_ptr(),
        x.data_ptr(),
        y.data_ptr(),
        places.data_ptr(),
        x.dtype == torch.bfloat16,
        *sizes,
        window,
        torch.get_num_threads(),
        mean.data_ptr(),
        scale.data_ptr(),
        of_x.data_ptr(),
    )
    return of_x


@_gradient.register_fake
def _gradient_like(
    of_y: Tensor, x: Tensor, y: Tensor, places: Tensor, mean: Tensor, scale: Tensor, window: int
) -> Tensor:
    return torch.empty_like(x, memory_format=torch.channels_last)


def _save_for_gradient(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, mean, scale, _, _, ctx.window = inputs
    y, places, on = output
    ctx.mark_non_differentiable(places, on)
    ctx.save_for_backward(x, y, places, mean, scale)


def _backward(ctx: Any, of_y: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    of_x = _gradient(of_y, *ctx.saved_tensors, ctx.window)
    return of_x, None, None, None, None, None


_winners.register_autograd(_backward, setup_context=_save_for_gradient)
