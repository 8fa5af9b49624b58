"""LearningRateMonitor: the learning rates, in the logs alone."""

from __future__ import annotations

import pytorch_lightning as pl

from sigtune.training.callbacks.learning_rates import learning_rates


class LearningRateMonitor(pl.Callback):
    """Logs the rate of every parameter group, as `lr-SGD`, or `lr-SGD/pg1` where an optimizer has several.

    A rate that is scheduled by steps is logged every `trainer.log_every_n_steps` steps, one that is scheduled
    by epochs when an epoch begins, and any other at both: the rows of Lightning's callback of this name. That
    one also copies each rate to the training device, to have it among the metrics, and a GPU is waited for.
    """

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the rates that an epoch begins with."""
        self._log(trainer, "epoch")

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Log the rates of a step, where it is one to be logged."""
        if trainer._logger_connector.should_update_logs:
            self._log(trainer, "step")

    def _log(self, trainer: pl.Trainer, interval: str) -> None:
        rates = dict(learning_rates(trainer, interval))
        if rates:
            # Lightning's own rows count batches, which are fewer than the steps of several optimizers.
            step = trainer.fit_loop.epoch_loop._batches_that_stepped
            for logger in trainer.loggers:
                logger.log_metrics(rates, step=step)
