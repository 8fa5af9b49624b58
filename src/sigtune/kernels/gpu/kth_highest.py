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


@triton.jit
def _kernel(  # noqa: ANN202
    values,  # noqa: ANN001
    highest,  # noqa: ANN001
    count,  # noqa: ANN001
    k,  # noqa: ANN001
    block: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, block)
    x = tl.load(values + row * count + columns, mask=columns < count, other=-float("inf"))
    bits = x.to(tl.int32, bitcast=True)
    bits = tl.where(x != x, 0x7FFFFFFF, bits)  # noqa: PLR0124 - a NaN is the highest, whatever its sign
    keys = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits).to(tl.int64) + 2147483648
    keys = tl.where(columns < count, keys, -1)
    threshold = tl.zeros((), tl.int64)
    step = tl.full((), 2147483648, tl.int64)
    for _ in range(32):
        higher = threshold + step
        enough = tl.sum((keys >= higher).to(tl.int32), axis=0) >= k
        threshold = tl.where(enough, higher, threshold)
        step = step // 2
    key = (threshold - 2147483648).to(tl.int32)
    bits = tl.where(key < 0, key ^ 0x7FFFFFFF, key)
    tl.store(highest + row, bits.to(tl.float32, bitcast=True))


def takes(values: Tensor) -> bool:
    """Return whether `kth_highest` takes the values, (N, n)."""
    return values.dtype == torch.float32 and 0 < values.shape[1] <= LONGEST_ROW


def kth_highest(values: Tensor, k: int) -> Tensor:
    """Return the k-th highest of each row of `values`, (N, n) float32, as (N, 1); a NaN counts as highest."""
    values = values.contiguous()
    rows, count = values.shape
    highest = values.new_empty(rows, 1)
    block = triton.next_power_of_2(count)
    warps = 4 if block <= 4096 else 16 if block <= 16384 else 32
    _kernel[(rows,)](values, highest, count, k, block, num_warps=warps)
    return highest
