"""RezeroWeights: the zero weights of sparse layers stay zero through training."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from sigtune.models.sparse_weights import rezero_weights


class RezeroWeights(pl.Callback):
    """Sets the weights that sparse layers do not keep back to zero after every optimiser step."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Undo what the step did to them."""
        rezero_weights(pl_module)
