"""Products with a matrix most of whose weights are zero, on the CPU, at the cost of the other weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sigtune.kernels.choice import sparse_linear_pays
from sigtune.kernels.library import compiled, takes_float32


@dataclass(frozen=True)
class Pattern:
    """Where the kept weights of an (M, N) matrix are, K in each row, all int32 on the CPU, in torch's names.

    Row by row: `col_indices`, (M, K). Column by column (CSC): `row_indices`, (M·K,), and `ccol_indices`,
    (N + 1,), where each column begins and the last ends; `csr_indices`, (M·K,), has the index of each of
    these weights among those of `col_indices`.
    """

    col_indices: Tensor
    ccol_indices: Tensor
    row_indices: Tensor
    csr_indices: Tensor

    @classmethod
    def of(cls, col_indices: Tensor, columns: int) -> Pattern:
        """Return the pattern of (M, K) column indices, ascending in each row."""
        by_row = col_indices.cpu()
        csr_indices = by_row.flatten().argsort(stable=True)
        counts = by_row.flatten().bincount(minlength=columns)
        ccol_indices = functional.pad(counts.cumsum(0), (1, 0)).int()
        row_indices = csr_indices // max(1, by_row.shape[1])
        return cls(by_row, ccol_indices, row_indices.int(), csr_indices.int())


def can_multiply_sparsely(x: Tensor, values: Tensor) -> bool:
    """Return whether `sparse_linear` takes x, (N, in), and weights, (out, K), and is faster than torch."""
    return (
        x.dim() == 2
        and len(x) > 0
        and takes_float32(x, values)
        and sparse_linear_pays(*x.shape, *values.shape)
    )


def sparse_linear(x: Tensor, values: Tensor, bias: Tensor, pattern: Pattern) -> Tensor:
    """Return x·weightᵀ + bias, (N, out), where `values`, (out, K), are the weights that are kept."""
    y: Tensor = _multiply(
        x,
        values,
        bias,
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
    values: Tensor,
    bias: Tensor,
    col_indices: Tensor,
    ccol_indices: Tensor,
    row_indices: Tensor,
    csr_indices: Tensor,
) -> Tensor:
    x = x.contiguous()
    y = x.new_empty(len(x), len(values))
    compiled().linear_of_kept(
        x.data_ptr(),
        len(x),
        len(values),
        x.shape[1],
        values.shape[1],
        col_indices.data_ptr(),
        torch.get_num_threads(),
        values.contiguous().data_ptr(),
        bias.contiguous().data_ptr(),
        y.data_ptr(),
    )
    return y


@_multiply.register_fake
def _(
    x: Tensor,
    values: Tensor,
    bias: Tensor,
    col_indices: Tensor,
    ccol_indices: Tensor,
    row_indices: Tensor,
    csr_indices: Tensor,
) -> Tensor:
    return x.new_empty(len(x), len(values))


@torch.library.custom_op("sigtune::sparse_linear_gradient", mutates_args=(), device_types="cpu")
def _gradient(
    grad_y: Tensor,
    x: Tensor,
    values: Tensor,
    col_indices: Tensor,
    ccol_indices: Tensor,
    row_indices: Tensor,
    csr_indices: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients with respect to x, the values and the bias."""
    grad_y, x, values = grad_y.contiguous(), x.contiguous(), values.contiguous()
    grad_x, grad_values = torch.empty_like(x), torch.empty_like(values)
    grad_bias = grad_y.new_empty(len(values))
    compiled().linear_of_kept_gradient(
        grad_y.data_ptr(),
        x.data_ptr(),
        len(x),
        len(values),
        x.shape[1],
        values.shape[1],
        col_indices.data_ptr(),
        ccol_indices.data_ptr(),
        row_indices.data_ptr(),
        csr_indices.data_ptr(),
        torch.get_num_threads(),
        values.data_ptr(),
        grad_x.data_ptr(),
        grad_values.data_ptr(),
        grad_bias.data_ptr(),
    )
    return grad_x, grad_values, grad_bias


@_gradient.register_fake
def _(
    grad_y: Tensor,
    x: Tensor,
    values: Tensor,
    col_indices: Tensor,
    ccol_indices: Tensor,
    row_indices: Tensor,
    csr_indices: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(values), grad_y.new_empty(len(values))


def _save_for_gradient(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    x, values, _, *pattern = inputs
    ctx.save_for_backward(x, values, *pattern)


def _backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
    return *_gradient(grad_y, *ctx.saved_tensors), *[None] * 4


_multiply.register_autograd(_backward, setup_context=_save_for_gradient)
