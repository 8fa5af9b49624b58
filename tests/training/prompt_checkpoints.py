"""A callback for tests that look at a checkpoint while the training goes on."""

import pytorch_lightning as pl

from sigtune.training.checkpoint_io import flush_checkpoints


class PromptCheckpoints(pl.Callback):
    """Has the last epoch's checkpoint on the disk before the next epoch begins."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        flush_checkpoints(trainer)
