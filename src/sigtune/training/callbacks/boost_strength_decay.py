"""BoostStrengthDecay: boosting spreads the work early in training and fades out."""

from __future__ import annotations

import pytorch_lightning as pl

from sigtune.models.k_winners import decay_boost_strength


class BoostStrengthDecay(pl.Callback):
    """Multiplies the boost strength of every k-winner layer by its factor after each training epoch."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Decay it once."""
        decay_boost_strength(pl_module)
