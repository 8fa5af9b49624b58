"""Convolution of images, batch norm, max pooling and k-winners, in one function for the CPU.

Images have few channels, and so a convolution of them few taps, which makes two things cheap that are not so
elsewhere. The statistics that batch norm needs follow from the sums of the taps and of their products over
all pixels: with the mean m and the covariance C of the taps, a channel with weights w and bias b has the mean
w·m + b and the variance w·C·w. So the convolution's output need never be in memory: `image_winners.cpp`
convolves, pools and chooses winners image by image in the cache. And the gradient with respect to the weights
follows from what the few winners pass on and, for the rest of batch norm's gradient, from m and C again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sigtune.kernels.choice import image_winners_pay
from sigtune.kernels.library import compiled, takes_float32

_OUTPUTS = 32  # the functions take output channels in blocks of these
_KERNEL = 8  # and kernels of this width at most
_WINDOW = 2


def can_choose_from_images(
    images: Tensor, shape: torch.Size, bias: Tensor, window: int, before_pool: bool, training: bool
) -> bool:
    """Return whether the functions below take images, (N, C, H, W), and are faster than torch's convolution.

    The weights are of `shape`, (D, C, K, K).
    """
    outputs, _, kernel, _ = shape
    # They convolve the pixels of whole windows only; before the pooling the others would compete too.
    sizes = [size - kernel + 1 for size in images.shape[2:]]
    has_all_pixels = not before_pool or all(size % _WINDOW == 0 for size in sizes)
    return (
        len(images) > 0
        and has_all_pixels
        and not images.requires_grad
        and window == _WINDOW
        and kernel <= _KERNEL
        and outputs % _OUTPUTS == 0
        and takes_float32(images, bias)
        and image_winners_pay(kernel, shape[1:].numel(), training)
    )


class TapMoments:
    """The mean, (T,), and covariance, (T, T), of a convolution's taps over `count` pixels, in float64."""

    def __init__(self, images: Tensor, kernel: int) -> None:
        sums, products = _sums(images, kernel)
        rows, columns = (size - kernel + 1 for size in images.shape[2:])
        self.count = len(images) * rows * columns
        self.mean = sums / self.count
        self.covariance = products / self.count - torch.outer(self.mean, self.mean)

    def of_outputs(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the biased variance of each output channel: (D,) and (D,) float32.

        `weight` is (D, C, K, K).
        """
        weights = weight.detach().flatten(1).double()
        mean = weights @ self.mean + bias.detach().double()
        variance = ((weights @ self.covariance) * weights).sum(dim=1).clamp_min(0.0)
        return mean.float(), variance.float()


def image_winners(
    images: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    scale: Tensor,
    boost: Tensor,
    k: int,
    moments: TapMoments | None,
    before_pool: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Convolve, normalise, pool and choose: images are (N, C, H, W), weight is (D, C, K, K), the others (D,).

    Returns the winners, (N, D, H'/2, W'/2) in channels_last; their argmax indices, uint8 of the same shape:
    the index of each within its pooling window, row by row, and 255 where a unit did not win; and for how
    many samples and positions each channel is on, (D,) int64. With `before_pool` the k winners, and the
    positions that are on, are of all H' × W', and the pooling passes on the highest of a window. With the
    moments of these images the gradient is the one for mean and scale of this very batch; without them there
    is none.
    """
    of_taps = (None, None) if moments is None else (moments.mean, moments.covariance)
    y: Tensor
    y, argmax, on = _winners(images, weight, bias, mean, scale, boost, k, before_pool, *of_taps)
    return y, argmax, on


# Custom operators, so that torch.compile does not break the graph, nor looks inside.


@torch.library.custom_op("sigtune::tap_sums", mutates_args=(), device_types="cpu")
def _sums(images: Tensor, kernel: int) -> tuple[Tensor, Tensor]:
    """Return the sums of each tap, (T,), and of the products of each two, (T, T), float64."""
    images = images.contiguous()
    sums, products = _sums_like(images, kernel)
    compiled().tap_sums(
        images.data_ptr(),
        *images.shape,
        kernel,
        torch.get_num_threads(),
        sums.data_ptr(),
        products.data_ptr(),
    )
    return sums, products


@_sums.register_fake
def _sums_like(images: Tensor, kernel: int) -> tuple[Tensor, Tensor]:
    taps = images.shape[1] * kernel * kernel
    return images.new_empty(taps, dtype=torch.float64), images.new_empty(taps, taps, dtype=torch.float64)


@torch.library.custom_op("sigtune::image_winners", mutates_args=(), device_types="cpu")
def _winners(
    images: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    scale: Tensor,
    boost: Tensor,
    k: int,
    before_pool: bool,
    mean_of_taps: Tensor | None,
    covariance_of_taps: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    images, weights, shift = images.contiguous(), weight.permute(1, 2, 3, 0).contiguous(), bias - mean
    y, argmax, on = _winners_like(
        images, weight, bias, mean, scale, boost, k, before_pool, mean_of_taps, covariance_of_taps
    )
    compiled().pooled_image_winners(
        images.data_ptr(),
        *images.shape,
        weight.shape[2],
        len(weight),
        before_pool,
        torch.get_num_threads(),
        weights.data_ptr(),
        shift.data_ptr(),
        scale.contiguous().data_ptr(),
        boost.contiguous().data_ptr(),
        k,
        y.data_ptr(),
        argmax.data_ptr(),
        on.zero_().data_ptr(),
    )
    return y, argmax, on


@_winners.register_fake
def _winners_like(
    images: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    scale: Tensor,
    boost: Tensor,
    k: int,
    before_pool: bool,
    mean_of_taps: Tensor | None,
    covariance_of_taps: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    height, width = ((size - weight.shape[2] + 1) // _WINDOW for size in images.shape[2:])
    shape = (len(images), len(weight), height, width)
    y = torch.empty(shape, dtype=images.dtype, device=images.device, memory_format=torch.channels_last)
    argmax = torch.empty_like(y, dtype=torch.uint8, memory_format=torch.channels_last)
    return y, argmax, images.new_empty(len(weight), dtype=torch.int64)


@torch.library.custom_op("sigtune::image_winners_gradient_sums", mutates_args=(), device_types="cpu")
def _gradient_sums(
    grad_y: Tensor, images: Tensor, y: Tensor, argmax: Tensor, kernel: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return sums over the winners of each channel, float64.

    Of the gradient times each tap, (D, T); of the gradient, (D,); of the gradient times the activation, (D,).
    """
    images = images.contiguous()
    grad_y = grad_y.contiguous(memory_format=torch.channels_last)
    taps, passed, products = _gradient_sums_like(grad_y, images, y, argmax, kernel)
    compiled().image_winners_gradient_sums(
        grad_y.data_ptr(),
        images.data_ptr(),
        y.data_ptr(),
        argmax.data_ptr(),
        *images.shape,
        kernel,
        y.shape[1],
        torch.get_num_threads(),
        taps.data_ptr(),
        passed.data_ptr(),
        products.data_ptr(),
    )
    return taps, passed, products


@_gradient_sums.register_fake
def _gradient_sums_like(
    grad_y: Tensor, images: Tensor, y: Tensor, argmax: Tensor, kernel: int
) -> tuple[Tensor, Tensor, Tensor]:
    channels, taps = y.shape[1], images.shape[1] * kernel * kernel
    sizes = ((channels, taps), (channels,), (channels,))
    of_taps, passed, products = (images.new_empty(size, dtype=torch.float64) for size in sizes)
    return of_taps, passed, products


def _save_for_gradient(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    images, weight, _, _, scale, _, _, _, *of_taps = inputs
    y, argmax, on = output
    ctx.mark_non_differentiable(argmax, on)
    ctx.save_for_backward(images, y, argmax, weight, scale, *of_taps)


def _backward(ctx: Any, grad_y: Tensor, *_: Tensor) -> tuple[Any, ...]:
    images, y, argmax, weight, scale, mean, covariance = ctx.saved_tensors
    kernel = weight.shape[2]
    of_taps, passed, products = _gradient_sums(grad_y, images, y, argmax, kernel)
    scale = scale.double()
    # At each of n pixels batch norm passes on scale·(g − Σg / n − x̂·Σ(g·x̂) / n), g being 0 but for winners,
    # and x̂ = scale·(x − mean(x)). Times the taps t, and summed over the pixels, with Σt = n·m and
    # Σ(x − mean(x))·t = n·C·w, this is the gradient; without the taps, for the bias, the sum is 0.
    grad_weight = scale[:, None] * (of_taps - torch.outer(passed, mean))
    grad_weight -= (scale.square() * products)[:, None] * (weight.flatten(1).double() @ covariance)
    grad_bias = torch.zeros_like(scale, dtype=weight.dtype)
    return None, grad_weight.to(weight.dtype).view(weight.shape), grad_bias, *[None] * 7


_winners.register_autograd(_backward, setup_context=_save_for_gradient)
