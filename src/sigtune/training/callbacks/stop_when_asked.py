"""The callback that ends a training which was asked to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from sigtune.errors import JobStoppedError


class StopWhenAsked(pl.Callback):
    """Raises JobStoppedError after the batch in which `asked` becomes true; the last checkpoint stays.

    Of several processes that train together, the one that writes checkpoints does.
    """

    def __init__(self, asked: Callable[[], bool]) -> None:
        self._asked = asked

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look whether the training is to end."""
        if trainer.is_global_zero and self._asked():
            raise JobStoppedError(f"asked to stop in epoch {trainer.current_epoch + 1}")
