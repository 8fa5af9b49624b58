"""The k-th highest of many values, which decides who is among the k winners."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sigtune.kernels.choice import triton_pays
from sigtune.kernels.library import compiled, is_compiled


def kth_highest(values: Tensor, k: int) -> Tensor:
    """Return the k-th highest of each row of `values`, (N, n) to (N, 1); a NaN counts as the highest.

    By torch's operators on a GPU the result is NaN where one of the k highest is.
    """
    if values.device.type == "cpu":
        highest: Tensor = _kth_highest_on_cpu(values, k)
        return highest
    if triton_pays("kth_highest", values.device):
        from sigtune.kernels.gpu import kth_highest as in_triton

        if in_triton.takes(values):
            return in_triton.kth_highest(values, k)
    # The k-th highest is the lowest of the k highest.
    return values.topk(k, dim=1, sorted=False).values.amin(dim=1, keepdim=True)


@torch.library.custom_op("sigtune::kth_highest", mutates_args=(), device_types="cpu")
def _kth_highest_on_cpu(values: Tensor, k: int) -> Tensor:
    """Select with the compiled function; without it or in other dtypes with numpy, which has but one thread.

    A custom operator, so that torch.compile does not break the graph.
    """
    rows, count = values.shape
    if not is_compiled() or values.dtype != torch.float32:
        partitioned = np.partition(values.numpy(), count - k, axis=1)
        return torch.from_numpy(partitioned[:, count - k : count - k + 1].copy())
    values = values.contiguous()
    highest = values.new_empty(rows, 1)
    compiled().kth_highest(values.data_ptr(), rows, count, k, torch.get_num_threads(), highest.data_ptr())
    return highest


@_kth_highest_on_cpu.register_fake
def _(values: Tensor, k: int) -> Tensor:
    return values.new_empty(len(values), 1)
