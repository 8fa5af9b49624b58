"""Convolutions most of whose weights are zero, on the CPU, at the cost of the other weights.

Where a third of a convolution's inputs are winners and a fifth of its weights are kept, the weights are what
to go by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sigtune.kernels.choice import sparse_convolution_pays
from sigtune.kernels.library import compiled, takes_float32

_BLOCK = 4  # as in sparse_convolution.cpp


@dataclass(frozen=True)
class KernelPattern:
    """Where the kept weights of D filters are, K in each, all int32 on the CPU.

    `indices`, (D, K), are of a filter's (kernel, kernel, C) weights. `forward_order`, (D·K,), are the indices
    of the weights by block of input channels and then by output channel, `forward_starts` where those of each
    begin, and the last end. `backward_order` and `backward_starts` are the same by block of output channels,
    by input channel, and by row of the kernel.
    """

    indices: Tensor
    forward_order: Tensor
    forward_starts: Tensor
    backward_order: Tensor
    backward_starts: Tensor

    @classmethod
    def of(cls, indices: Tensor, inputs: int) -> KernelPattern:
        """Return the pattern of indices, (D, K), ascending for each filter."""
        indices = indices.cpu()
        outputs, kept = indices.shape
        flat = indices.flatten().long()
        channels, filters = flat % inputs, torch.arange(outputs).repeat_interleave(kept)
        forward = _ordered(channels // _BLOCK * outputs + filters, -(-inputs // _BLOCK) * outputs)
        blocks = filters // _BLOCK * inputs + channels
        backward = _ordered(blocks, -(-outputs // _BLOCK) * inputs, then=flat)
        return cls(indices, *forward, *backward)


def _ordered(keys: Tensor, count: int, then: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return what sorts the keys, which are below `count`, where those of each begin, and the last end."""
    order = torch.arange(len(keys)) if then is None else then.argsort(stable=True)
    order = order[keys[order].argsort(stable=True)]
    starts = functional.pad(keys.bincount(minlength=count).cumsum(0), (1, 0))
    return order.int(), starts.int()


def can_convolve_sparsely(x: Tensor, values: Tensor, shape: torch.Size) -> bool:
    """Return whether `sparse_convolution` takes x, (N, C, H, W), and is faster than torch.

    `values`, (D, K), are what is kept of weights of `shape`, (D, C, K, K).
    """
    return (
        x.dim() == 4
        and min(x.shape[2:]) >= shape[2]
        and takes_float32(x, values)
        and sparse_convolution_pays(len(x), shape, values.numel() / shape.numel())
    )


def sparse_convolution(
    x: Tensor, values: Tensor, bias: Tensor, kernel: int, pattern: KernelPattern
) -> Tensor:
    """Return the convolution, (N, D, H', W') in channels_last, of x, (N, C, H, W).

    Its filters have the kept weights `values`, (D, K).
    """
    y: Tensor = _convolve(
        x,
        values,
        bias,
        kernel,
        pattern.indices,
        pattern.forward_order,
        pattern.forward_starts,
        pattern.backward_order,
        pattern.backward_starts,
    )
    return y


# Custom operators, so that torch.compile does not break the graph, nor looks inside.


@torch.library.custom_op("sigtune::sparse_convolution", mutates_args=(), device_types="cpu")
def _convolve(
    x: Tensor,
    values: Tensor,
    bias: Tensor,
    kernel: int,
    indices: Tensor,
    forward_order: Tensor,
    forward_starts: Tensor,
    backward_order: Tensor,
    backward_starts: Tensor,
) -> Tensor:
    x = x.contiguous(memory_format=torch.channels_last)
    y: Tensor = _convolved_like(x, values, bias, kernel)
    images, inputs, height, width = x.shape
    compiled().convolution_of_kept(
        x.data_ptr(),
        images,
        height,
        width,
        inputs,
        kernel,
        *values.shape,
        indices.data_ptr(),
        forward_order.data_ptr(),
        forward_starts.data_ptr(),
        torch.get_num_threads(),
        values.contiguous().data_ptr(),
        bias.contiguous().data_ptr(),
        y.data_ptr(),
    )
    return y


@_convolve.register_fake
def _convolved_like(x: Tensor, values: Tensor, bias: Tensor, kernel: int, *_: Tensor) -> Tensor:
    height, width = (size - kernel + 1 for size in x.shape[2:])
    shape = (len(x), len(values), height, width)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


@torch.library.custom_op("sigtune::sparse_convolution_gradient", mutates_args=(), device_types="cpu")
def _gradient(
    grad_y: Tensor,
    x: Tensor,
    values: Tensor,
    kernel: int,
    indices: Tensor,
    forward_order: Tensor,
    forward_starts: Tensor,
    backward_order: Tensor,
    backward_starts: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the gradients with respect to x and the values."""
    grad_y, x = (tensor.contiguous(memory_format=torch.channels_last) for tensor in (grad_y, x))
    grad_x, grad_values = _gradient_like(grad_y, x, values)
    images, inputs, height, width = x.shape
    compiled().convolution_of_kept_gradient(
        grad_y.data_ptr(),
        x.data_ptr(),
        images,
        height,
        width,
        inputs,
        kernel,
        *values.shape,
        indices.data_ptr(),
        forward_order.data_ptr(),
        forward_starts.data_ptr(),
        backward_order.data_ptr(),
        backward_starts.data_ptr(),
        torch.get_num_threads(),
        values.contiguous().data_ptr(),
        grad_x.data_ptr(),
        grad_values.data_ptr(),
    )
    return grad_x, grad_values


@_gradient.register_fake
def _gradient_like(grad_y: Tensor, x: Tensor, values: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    grad_x = torch.empty_like(x, memory_format=torch.channels_last)
    return grad_x, torch.empty_like(values, memory_format=torch.contiguous_format)


def _save_for_gradient(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, values, _, ctx.kernel, *pattern = inputs
    ctx.save_for_backward(x, values, *pattern)


def _backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
    x, values, *pattern = ctx.saved_tensors
    grad_x, grad_values = _gradient(grad_y, x, values, ctx.kernel, *pattern)
    return grad_x, grad_values, grad_y.sum(dim=(0, 2, 3)), *[None] * 6


_convolve.register_autograd(_backward, setup_context=_save_for_gradient)
