"""The k-th highest of each row, in one Triton kernel: floats are ordered as the integers their bits make."""

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _kth_kernel(  # noqa: ANN202
    values,  # noqa: ANN001
    highest,  # noqa: ANN001
    count,  # noqa: ANN001
    k,  # noqa: ANN001
    BLOCK: tl.constexpr,  # noqa: N803
):
    row = tl.program_id(0)
    columns = tl.arange(0, BLOCK)
    x = tl.load(values + row * count + columns, mask=columns < count, other=-float("inf"))
    bits = x.to(tl.int32, bitcast=True)
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


def kth_highest(values: Tensor, k: int) -> Tensor:
    """Return the k-th highest of each row of `values`, (N, n) float32 on a GPU, as (N, 1)."""
    rows, count = values.shape
    highest = torch.empty(rows, 1, device=values.device)
    block = 1 << (count - 1).bit_length()
    _kth_kernel[(rows,)](values, highest, count, k, block, num_warps=16 if block > 4096 else 4)
    return highest
