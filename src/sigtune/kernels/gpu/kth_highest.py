"""The k-th highest of each row, in one kernel.

Floats are ordered as the integers that their bits make, the negative ones turned round. So the k-th highest
is found bit by bit, from the highest one: a bit is set where at least k values are then as high.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

LONGEST_ROW = 1 << 16
"""A row lies in the registers of one block of threads."""

LOWEST_ORDER = tl.constexpr(-(1 << 31))
"""What no float has for its order."""


@triton.jit
def order_of(x):
    """Return an int32 for each float32, in the floats' order: −0 is 0, a NaN of either sign the highest."""
    bits = tl.where(x == 0, 0, x.to(tl.int32, bitcast=True))
    bits = tl.where(x != x, 0x7FFFFFFF, bits)  # noqa: PLR0124 - only a NaN
    return tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


@triton.jit
def float_of(order):
    """Return the float32 of an order."""
    return tl.where(order < 0, order ^ 0x7FFFFFFF, order).to(tl.float32, bitcast=True)


@triton.jit
def kth_highest_order(orders, k):
    """Return the k-th highest of a block of int32, of any shape; those of LOWEST_ORDER do not count."""
    enough = tl.sum((orders >= 0).to(tl.int32)) >= k
    highest = tl.where(enough, 0, LOWEST_ORDER)
    step = tl.full((), 1 << 30, tl.int32)
    for _ in range(31):
        higher = highest + step
        enough = tl.sum((orders >= higher).to(tl.int32)) >= k
        highest = tl.where(enough, higher, highest)
        step = step // 2
    return highest


def warps_for(block: int) -> int:
    """Return how many warps hold a block of so many values in their registers."""
    return 4 if block <= 4096 else 16 if block <= 16384 else 32


@triton.jit(do_not_specialize=["k"])
def _kernel(values, highest, count, k, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, block)
    x = tl.load(values + row * count + columns, mask=columns < count, other=0.0)
    orders = tl.where(columns < count, order_of(x), LOWEST_ORDER)
    tl.store(highest + row, float_of(kth_highest_order(orders, k)))


def takes(values: Tensor) -> bool:
    """Return whether `kth_highest` takes the values, (N, n)."""
    return values.dtype == torch.float32 and 0 < values.shape[1] <= LONGEST_ROW


def kth_highest(values: Tensor, k: int) -> Tensor:
    """Return the k-th highest of each row of `values`, (N, n) float32, as (N, 1); a NaN counts as highest."""
    values = values.contiguous()
    rows, count = values.shape
    highest = values.new_empty(rows, 1)
    block = triton.next_power_of_2(count)
    _kernel[(rows,)](values, highest, count, k, block, num_warps=warps_for(block))
    return highest
