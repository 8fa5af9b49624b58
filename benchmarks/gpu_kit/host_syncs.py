"""Where a training makes the host wait for the GPU: a Lightning callback for train.py.

python train.py +callbacks.syncs._target_=host_syncs.CountSyncs
"""

from __future__ import annotations

import collections
import threading
import traceback
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from gpu_timing import CUDA, report


class CountSyncs(pl.Callback):
    """Counts, by the line that caused them, the times that the host waits in 20 steps of the second epoch."""

    FIRST, LAST = 2, 22

    def __init__(self) -> None:
        self._found: collections.Counter[str] = collections.Counter()
        self._show_warning: Any = None

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if CUDA and trainer.current_epoch == 1 and batch_idx == self.FIRST:
            warnings.simplefilter("always")
            self._show_warning, warnings.showwarning = warnings.showwarning, self._count
            torch.cuda.set_sync_debug_mode("warn")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.current_epoch != 1 or batch_idx + 1 != self.LAST:
            return
        if CUDA:
            torch.cuda.set_sync_debug_mode("default")
            warnings.showwarning = self._show_warning
        steps = self.LAST - self.FIRST
        report(f"{self._found.total() / steps:.2f} host syncs a training step, under Lightning")
        for lines, times in self._found.most_common(8):
            report(f"  {times / steps:5.2f}  {lines}")

    def _count(self, message: object, *_: object, **__: object) -> None:
        # Not what says that the mode is a prototype, nor what the thread that writes checkpoints waits for.
        is_ours = threading.current_thread() is threading.main_thread()
        if is_ours and "called a synchronizing" in str(message):
            frames = [frame for frame in traceback.extract_stack() if _is_caller(frame.filename)]
            lines = (
                f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno}" for frame in frames[:-4:-1]
            )
            self._found[" < ".join(lines)] += 1


def _is_caller(file: str) -> bool:
    return not file.endswith(("warnings.py", __file__)) and "/torch/" not in file
