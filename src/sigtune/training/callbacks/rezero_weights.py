"""RezeroWeights: pruned weights stay zero through training."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from sigtune.models.sparse_weights import rezero_weights


class RezeroWeights(pl.Callback):
    """Sets pruned weights back to zero after every batch."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Undo what the optimiser's step did to the pruned weights."""
        rezero_weights(pl_module)
