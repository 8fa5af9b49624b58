"""Where the training clips lie: on the device that trains, or, where they do not fit, in the file on disk."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

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


class ClipStream:
    """Moves batches of clips, (B, 16000) int16, from host memory to a device; to a GPU by pinned buffers.

    A thread gathers the next batches, from the disk where the clips are mapped, while the device works on
    this one, and a copy to a GPU is not waited for.
    """

    AHEAD = 2

    def __init__(self, batch_size: int, device: torch.device) -> None:
        self.device = device
        on_gpu = device.type == "cuda"
        shape = (batch_size, CLIP_SAMPLES)
        count = self.AHEAD + 1
        self._buffers = [torch.empty(shape, dtype=torch.int16, pin_memory=on_gpu) for _ in range(count)]
        # torch's Event has no types.
        self._copied = [torch.cuda.Event() for _ in range(count)] if on_gpu else []  # type: ignore[no-untyped-call]

    def batches(self, waveforms: Tensor, rows: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield, on the device, the waveforms, (N, 16000), of each of `rows`, (B,) int64 on the host."""
        turns = itertools.cycle(range(self.AHEAD + 1))
        gathering: deque[tuple[int, Future[Tensor]]] = deque()
        with ThreadPoolExecutor(1, "clip-stream") as thread:
            for part, turn in zip(rows, turns, strict=False):
                # The copy from this buffer has been begun: it was the turn of a batch that is given out.
                gathering.append((turn, thread.submit(self._gather, turn, waveforms, part)))
                if len(gathering) > self.AHEAD:
                    yield self._moved(*gathering.popleft())
            while gathering:
                yield self._moved(*gathering.popleft())

    def _gather(self, turn: int, waveforms: Tensor, rows: Tensor) -> Tensor:
        if self._copied:
            self._copied[turn].synchronize()  # returns at once for an event that was never recorded
        buffer = self._buffers[turn][: len(rows)]
        return torch.index_select(waveforms, 0, rows, out=buffer)

    def _moved(self, turn: int, gathered: Future[Tensor]) -> Tensor:
        clips = gathered.result().to(self.device, non_blocking=True, copy=True)
        if self._copied:
            self._copied[turn].record()
        return clips
