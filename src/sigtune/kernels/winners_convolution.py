"""Convolution of winners on the CPU, in time that grows with their number.

Nine in ten of the inputs of a convolution that follows k-winners are zero, so `winners_convolution.cpp` takes
the winners one after the other: in each output that a winner reaches it adds its row of weights, and for the
gradient it computes only what winners pass on.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sigtune.kernels.choice import winners_convolution_pays
from sigtune.kernels.library import compiled, takes_float32

_OUTPUTS = 32  # the functions take output channels in blocks of these
_INPUTS = 8


def can_convolve_winners(x: Tensor, shape: torch.Size, bias: Tensor, share: float, kept: float) -> bool:
    """Return whether `convolve_winners` takes x, (N, C, H, W), and is the fastest.

    The weights are of `shape`, (D, C, K, K), of which the share `kept` is not zero; at most `share` of x are
    winners.
    """
    outputs, inputs, kernel, _ = shape
    return (
        len(x) > 0
        and outputs % _OUTPUTS == 0
        and inputs % _INPUTS == 0
        and takes_float32(x, bias)
        and winners_convolution_pays(kernel, outputs, share, kept)
    )


def convolve_winners(x: Tensor, argmax: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the convolution, (N, D, H', W') in channels_last, of x, (N, C, H, W), whose winners alone count.

    `weight` is (D, C, K, K). `argmax`, uint8 of x's shape, is 255 where x is not a winner; there x is 0, and
    gets a gradient of 0.
    """
    output: Tensor = _convolve(x, argmax, weight, bias)
    return output


def _in_memory(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


# Custom operators, so that torch.compile does not break the graph, nor looks inside.


@torch.library.custom_op("sigtune::convolve_winners", mutates_args=(), device_types="cpu")
def _convolve(x: Tensor, argmax: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    x, argmax, weights = _in_memory(x), _in_memory(argmax), weight.permute(2, 3, 1, 0).contiguous()
    images, inputs, height, width = x.shape
    y: Tensor = _convolved_like(x, argmax, weight, bias)
    compiled().winners_convolution(
        x.data_ptr(),
        argmax.data_ptr(),
        images,
        height,
        width,
        inputs,
        weight.shape[2],
        len(weight),
        torch.get_num_threads(),
        weights.data_ptr(),
        bias.contiguous().data_ptr(),
        y.data_ptr(),
    )
    return y


@_convolve.register_fake
def _convolved_like(x: Tensor, argmax: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    height, width = (size - weight.shape[2] + 1 for size in x.shape[2:])
    shape = (len(x), len(weight), height, width)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


@torch.library.custom_op("sigtune::convolve_winners_gradient", mutates_args=(), device_types="cpu")
def _gradient(grad_y: Tensor, x: Tensor, argmax: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients with respect to x, (N, C, H, W), and the weights, (D, C, K, K)."""
    grad_y, x, argmax = _in_memory(grad_y), _in_memory(x), _in_memory(argmax)
    weights = weight.permute(1, 2, 3, 0).contiguous()
    images, inputs, height, width = x.shape
    grad_x, grad_weight = _gradient_like(grad_y, x, argmax, weight)
    compiled().winners_convolution_gradient(
        grad_y.data_ptr(),
        x.data_ptr(),
        argmax.data_ptr(),
        images,
        height,
        width,
        inputs,
        weight.shape[2],
        len(weight),
        torch.get_num_threads(),
        weights.data_ptr(),
        grad_weight.data_ptr(),
        grad_x.data_ptr(),
    )
    return grad_x, grad_weight


@_gradient.register_fake
def _gradient_like(grad_y: Tensor, x: Tensor, argmax: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    outputs, inputs, kernel, _ = weight.shape
    grad_weight = weight.new_empty(inputs, kernel, kernel, outputs).permute(3, 0, 1, 2)
    return torch.empty_like(x, memory_format=torch.channels_last), grad_weight


def _save_for_gradient(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:3])


def _backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
    grad_x, grad_weight = _gradient(grad_y, *ctx.saved_tensors)
    return grad_x, None, grad_weight, grad_y.sum(dim=(0, 2, 3))


_convolve.register_autograd(_backward, setup_context=_save_for_gradient)
