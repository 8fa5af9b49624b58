"""Where the training clips lie: on the device that trains, or, where they do not fit, in the file on disk."""

from __future__ import annotations

import logging

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from sigtune.data.commands import CLIP_SAMPLES

log = logging.getLogger(__name__)

_GIB = 1 << 30


def place_clips(waveforms: NDArray[np.int16], device: torch.device, fraction: float) -> Tensor:
    """Return the waveforms on the device, or as they are where they do not fit `fraction` of its free memory.

    What stays in a memory map is read page by page, by whoever needs a row of it.
    """
    free = free_memory(device)
    if waveforms.nbytes <= fraction * free:
        return torch.from_numpy(np.array(waveforms)).to(device)
    log.info(
        "the training clips, %.1f GiB, are streamed: %g of the %.1f GiB free on %s hold fewer",
        waveforms.nbytes / _GIB,
        fraction,
        free / _GIB,
        device,
    )
    return torch.from_numpy(waveforms)


def free_memory(device: torch.device) -> int:
    """Return how many bytes are free on a GPU, or available to this machine's programs."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(psutil.virtual_memory().available)


class PinnedBuffers:
    """Moves batches of clips, (B, 16000) int16, from host memory to a device; to a GPU by pinned memory.

    There are two buffers: while the GPU still works on one batch, and copies it, the next one is gathered.
    """

    def __init__(self, batch_size: int, device: torch.device) -> None:
        self.device = device
        on_gpu = device.type == "cuda"
        shape = (batch_size, CLIP_SAMPLES)
        self._buffers = [torch.empty(shape, dtype=torch.int16, pin_memory=on_gpu) for _ in range(2)]
        # torch's Event has no types.
        self._copied = [torch.cuda.Event() for _ in range(2)] if on_gpu else []  # type: ignore[no-untyped-call]
        self._turn = 0

    def move(self, waveforms: Tensor, rows: Tensor) -> Tensor:
        """Return the `rows`, (B,) int64 on the host, of the waveforms, (N, 16000), on the device."""
        self._turn = 1 - self._turn
        if self._copied:
            self._copied[self._turn].synchronize()  # returns at once for an event that was never recorded
        buffer = self._buffers[self._turn][: len(rows)]
        torch.index_select(waveforms, 0, rows, out=buffer)
        clips = buffer.to(self.device, non_blocking=True, copy=True)
        if self._copied:
            self._copied[self._turn].record()
        return clips
