"""Products with a matrix most of whose weights are zero, on the CPU, at the cost of the other weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sigtune.kernels.library import LIBRARY, takes_float32

_SHARE = 0.25  # with more of the weights kept, a dense product is faster


@dataclass(frozen=True)
class Pattern:
    """Where the K kept weights of an (M, N) matrix are, all int32 on the CPU.

    Row by row: the columns, (K,), and where each row begins and the last ends, (M + 1,). Column by column:
    the rows and the places in the other order, (K,) and (K,), and where each column begins, (N + 1,).
    """

    row_starts: Tensor
    columns: Tensor
    column_starts: Tensor
    rows: Tensor
    places: Tensor

    @classmethod
    def of(cls, kept: Tensor) -> Pattern:
        """Return the pattern of a mask, (M, N) bool."""
        kept = kept.cpu()
        rows, columns = kept.nonzero(as_tuple=True)
        places = columns.argsort(stable=True)
        starts = (functional.pad(kept.sum(dim=dim).cumsum(0), (1, 0)).int() for dim in (1, 0))
        row_starts, column_starts = starts
        return cls(row_starts, columns.int(), column_starts, rows[places].int(), places.int())

    def is_worth_it(self) -> bool:
        """Say whether few enough weights are kept."""
        return len(self.columns) <= _SHARE * (len(self.row_starts) - 1) * (len(self.column_starts) - 1)


def can_multiply_sparsely(x: Tensor, weight: Tensor, pattern: Pattern) -> bool:
    """Say whether `sparse_linear` is there for x, (N, in), and the weights, (out, in), and worth it."""
    return x.dim() == 2 and len(x) > 0 and pattern.is_worth_it() and takes_float32(x, weight)


def sparse_linear(x: Tensor, weight: Tensor, bias: Tensor, pattern: Pattern) -> Tensor:
    """Return x·weightᵀ + bias, (N, out). Weights that are not kept count as 0, and get a gradient of 0."""
    y: Tensor
    y, _ = _multiply(
        x,
        weight,
        bias,
        pattern.row_starts,
        pattern.columns,
        pattern.column_starts,
        pattern.rows,
        pattern.places,
    )
    return y


# Custom operators, so that torch.compile does not break the graph, nor looks inside.


@torch.library.custom_op("sigtune::sparse_linear", mutates_args=(), device_types="cpu")
def _multiply(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    row_starts: Tensor,
    columns: Tensor,
    column_starts: Tensor,
    rows: Tensor,
    places: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the product and the kept weights, (K,), for the gradient."""
    assert LIBRARY is not None
    x, weight = x.contiguous(), weight.contiguous()
    y, kept = x.new_empty(len(x), len(weight)), x.new_empty(len(columns))
    LIBRARY.sparse_linear(
        x.data_ptr(),
        len(x),
        *weight.shape,
        row_starts.data_ptr(),
        columns.data_ptr(),
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
    row_starts: Tensor,
    columns: Tensor,
    column_starts: Tensor,
    rows: Tensor,
    places: Tensor,
) -> tuple[Tensor, Tensor]:
    return x.new_empty(len(x), len(weight)), x.new_empty(len(columns))


@torch.library.custom_op("sigtune::sparse_linear_gradient", mutates_args=(), device_types="cpu")
def _gradient(
    of_y: Tensor,
    x: Tensor,
    kept: Tensor,
    row_starts: Tensor,
    columns: Tensor,
    column_starts: Tensor,
    rows: Tensor,
    places: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients with respect to x, the weights and the bias."""
    assert LIBRARY is not None
    of_y, x = of_y.contiguous(), x.contiguous()
    of_x, of_weight, of_bias = (
        torch.empty_like(x),
        x.new_empty(of_y.shape[1], x.shape[1]),
        of_y.new_empty(of_y.shape[1]),
    )
    LIBRARY.sparse_linear_gradient(
        of_y.data_ptr(),
        x.data_ptr(),
        len(x),
        *of_weight.shape,
        row_starts.data_ptr(),
        columns.data_ptr(),
        column_starts.data_ptr(),
        rows.data_ptr(),
        places.data_ptr(),
        torch.get_num_threads(),
        kept.data_ptr(),
        of_x.data_ptr(),
        of_weight.data_ptr(),
        of_bias.data_ptr(),
    )
    return of_x, of_weight, of_bias


@_gradient.register_fake
def _(
    of_y: Tensor,
    x: Tensor,
    kept: Tensor,
    row_starts: Tensor,
    columns: Tensor,
    column_starts: Tensor,
    rows: Tensor,
    places: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    outputs, inputs = of_y.shape[1], x.shape[1]
    return torch.empty_like(x), x.new_empty(outputs, inputs), of_y.new_empty(outputs)


def _save_for_gradient(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
    x, _, _, *pattern = inputs
    kept = output[1]
    ctx.mark_non_differentiable(kept)
    ctx.save_for_backward(x, kept, *pattern)


def _backward(ctx: Any, of_y: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    return *_gradient(of_y, *ctx.saved_tensors), *[None] * 5


_multiply.register_autograd(_backward, setup_context=_save_for_gradient)
