"""Products with a matrix most of whose weights are zero, on the CPU, at the cost of the other weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sigtune.kernels.library import compiled, takes_float32

_SHARE = 0.25  # with more of the weights kept, a dense product is faster


@dataclass(frozen=True)
class Pattern:
    """Where the K kept weights of an (M, N) matrix are, all int32 on the CPU, in torch's names.

    Row by row (CSR): `col_indices`, (K,), and `crow_indices`, (M + 1,), where each row begins and the last
    ends. Column by column (CSC): `row_indices`, (K,), and `ccol_indices`, (N + 1,); `csr_indices`, (K,), has
    the index of each of these weights among those of CSR.
    """

    crow_indices: Tensor
    col_indices: Tensor
    ccol_indices: Tensor
    row_indices: Tensor
    csr_indices: Tensor

    @classmethod
    def of(cls, kept: Tensor) -> Pattern:
        """Return the pattern of a mask, (M, N) bool."""
        kept = kept.cpu()
        rows, columns = kept.nonzero(as_tuple=True)
        csr_indices = columns.argsort(stable=True)
        starts = (functional.pad(kept.sum(dim=dim).cumsum(0), (1, 0)).int() for dim in (1, 0))
        crow_indices, ccol_indices = starts
        return cls(crow_indices, columns.int(), ccol_indices, rows[csr_indices].int(), csr_indices.int())

    def is_worth_it(self) -> bool:
        """Return whether few enough weights are kept."""
        return len(self.col_indices) <= _SHARE * (len(self.crow_indices) - 1) * (len(self.ccol_indices) - 1)


def can_multiply_sparsely(x: Tensor, weight: Tensor, pattern: Pattern) -> bool:
    """Return whether `sparse_linear` is there for x, (N, in), and the weights, (out, in), and worth it."""
    return x.dim() == 2 and len(x) > 0 and pattern.is_worth_it() and takes_float32(x, weight)


def sparse_linear(x: Tensor, weight: Tensor, bias: Tensor, pattern: Pattern) -> Tensor:
    """Return x·weightᵀ + bias, (N, out). Weights that are not kept count as 0, and get a gradient of 0."""
    y: Tensor
    y, _ = _multiply(
        x,
        weight,
        bias,
        pattern.crow_indices,
        pattern.col_indices,
        pattern.ccol_indices,
        pattern.row_indices,
        pattern.csr_indices,
    )
    return y


# Custom operators, so that torch.compile does not break the graph, nor looks inside.


@torch.library.custom_op("sigtune::sparse_linear", mutates_args=(), device_types="cpu")
def _multiply(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    crow_indices: Tensor,
    col_indices: Tensor,
    ccol_indices: Tensor,
    row_indices: Tensor,
    csr_indices: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the product and the kept weights, (K,), for the gradient."""
    x, weight = x.contiguous(), weight.contiguous()
    y, kept = x.new_empty(len(x), len(weight)), x.new_empty(len(col_indices))
    compiled().sparse_linear(
        x.data_ptr(),
        len(x),
        *weight.shape,
        crow_indices.data_ptr(),
        col_indices.data_ptr(),
        torch.get_num_threads(),
        weight.data_ptr(),
        bias.contiguous().data_ptr(),
        kept.data_ptr(),
        y.data_ptr(),
    )
    return y, kept


@_multiply.register_fake
def _(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    crow_indices: Tensor,
    col_indices: Tensor,
    ccol_indices: Tensor,
    row_indices: Tensor,
    csr_indices: Tensor,
) -> tuple[Tensor, Tensor]:
    return x.new_empty(len(x), len(weight)), x.new_empty(len(col_indices))


@torch.library.custom_op("sigtune::sparse_linear_gradient", mutates_args=(), device_types="cpu")
def _gradient(
    grad_y: Tensor,
    x: Tensor,
    kept: Tensor,
    crow_indices: Tensor,
    col_indices: Tensor,
    ccol_indices: Tensor,
    row_indices: Tensor,
    csr_indices: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients with respect to x, the weights and the bias."""
    grad_y, x = grad_y.contiguous(), x.contiguous()
    grad_x, grad_weight, grad_bias = (
        torch.empty_like(x),
        x.new_empty(grad_y.shape[1], x.shape[1]),
        grad_y.new_empty(grad_y.shape[1]),
    )
    compiled().sparse_linear_gradient(
        grad_y.data_ptr(),
        x.data_ptr(),
        len(x),
        *grad_weight.shape,
        crow_indices.data_ptr(),
        col_indices.data_ptr(),
        ccol_indices.data_ptr(),
        row_indices.data_ptr(),
        csr_indices.data_ptr(),
        torch.get_num_threads(),
        kept.data_ptr(),
        grad_x.data_ptr(),
        grad_weight.data_ptr(),
        grad_bias.data_ptr(),
    )
    return grad_x, grad_weight, grad_bias


@_gradient.register_fake
def _(
    grad_y: Tensor,
    x: Tensor,
    kept: Tensor,
    crow_indices: Tensor,
    col_indices: Tensor,
    ccol_indices: Tensor,
    row_indices: Tensor,
    csr_indices: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    outputs, inputs = grad_y.shape[1], x.shape[1]
    return torch.empty_like(x), x.new_empty(outputs, inputs), grad_y.new_empty(outputs)


def _save_for_gradient(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
    x, _, _, *pattern = inputs
    kept = output[1]
    ctx.mark_non_differentiable(kept)
    ctx.save_for_backward(x, kept, *pattern)


def _backward(ctx: Any, grad_y: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    return *_gradient(grad_y, *ctx.saved_tensors), *[None] * 5


_multiply.register_autograd(_backward, setup_context=_save_for_gradient)
