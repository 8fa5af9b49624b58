"""Batch norm, max pooling and k-winners after a convolution, in either order, as one layer.

On the CPU it is one function (`kernels/norm_pool_winners.py`), and after a convolution of images that one too
(`kernels/image_winners.py`); on a GPU it is one where that has been seen to be the same and faster.
Elsewhere, and for other dtypes, the three layers run one after the other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sigtune.kernels.image_winners import TapMoments, can_choose_from_images, image_winners
from sigtune.kernels.norm_pool_winners import (
    can_norm_pool_and_choose,
    channel_statistics,
    norm_pool_winners,
)
from sigtune.models.k_winners import KWinners2d


class NormPoolWinners(nn.Module):
    """Batch norm, max pooling without overlap, k winners: (N, C, H, W) to (N, C, H // window, W // window).

    With `before_pool` the winners are chosen among all H × W positions, and then pooled. The winners, and up
    to rounding their values and gradients, are those of the three layers one after the other. In 16 bits they
    are chosen before the activations are rounded, which would make many equal.
    """

    def __init__(self, channels: int, window: int, winners: KWinners2d, before_pool: bool = False) -> None:
        super().__init__()
        self.window = window
        self.before_pool = before_pool
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.pool = nn.MaxPool2d(window)
        self.winners = winners

    def forward(self, x: Tensor) -> Tensor:
        """Return the winners of x, (N, C, H, W); in channels_last where it is one function."""
        return self.choose(x)[0]

    def choose(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the winners of x, (N, C, H, W), and their argmax indices.

        These, uint8 of the winners' shape, are the index of each within its pooling window, row by row, and
        255 where a unit did not win; None where the three layers ran one after the other.
        """
        if not self._can_be_fused(x):
            return self._one_after_the_other(x), None
        pixels = self._competing(*x.shape[2:])
        if self.training:
            mean, variance = channel_statistics(x.detach())
            self._take_in(mean, variance, x.numel() // x.shape[1])
        else:
            mean, variance = self._running_statistics()
        how = self._how_to_choose(variance, pixels)
        y, argmax, on = norm_pool_winners(x, mean, *how, self.window, self.before_pool)
        self._count(on, len(x), pixels)
        return y, argmax

    def can_choose_from_images(self, images: Tensor, shape: torch.Size, bias: Tensor) -> bool:
        """Return whether `choose_from_images` takes the images, (N, C, H, W), and weights of (D, C, K, K)."""
        # In evaluation the statistics do not depend on the images, and the gradient is another.
        return (self.training or not torch.is_grad_enabled()) and can_choose_from_images(
            images, shape, bias, self.window, self.before_pool, self.training
        )

    def choose_from_images(self, images: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same of the convolution of images, (N, C, H, W), with a weight, (D, C, K, K)."""
        kernel = weight.shape[2]
        pixels = self._competing(*(size - kernel + 1 for size in images.shape[2:]))
        moments = TapMoments(images, kernel) if self.training else None
        if moments is None:
            mean, variance = self._running_statistics()
        else:
            mean, variance = moments.of_outputs(weight, bias)
            self._take_in(mean, variance, moments.count)
        how = self._how_to_choose(variance, pixels)
        y, argmax, on = image_winners(images, weight, bias, mean, *how, moments, self.before_pool)
        self._count(on, len(images), pixels)
        return y, argmax

    @property
    def share_passed_on(self) -> float:
        """The share of units that win, at most: before the pooling as if no window had two of them."""
        share = self.winners.percent_on * (1.0 if self.training else self.winners.k_inference_factor)
        return min(1.0, share * self.window**2) if self.before_pool else share

    def _one_after_the_other(self, x: Tensor) -> Tensor:
        layers = (self.winners, self.pool) if self.before_pool else (self.pool, self.winners)
        y: Tensor = self.norm(x)
        for layer in layers:
            y = layer(y)
        return y

    def _competing(self, height: int, width: int) -> int:
        """Return the number of positions among which the winners are chosen."""
        if self.before_pool:
            return height * width
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
        # In evaluation the statistics do not depend on x, and the gradient is another.
        has_its_gradient = self.training or not (x.requires_grad and torch.is_grad_enabled())
        return has_its_gradient and can_norm_pool_and_choose(x, self.window, self.before_pool)

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
