"""KWinnersMonitor: how evenly the units of k-winner layers take turns, in the logs."""

from __future__ import annotations

import pytorch_lightning as pl

from sigtune.models.k_winners import k_winner_layers


class KWinnersMonitor(pl.Callback):
    """Logs the entropy and the duty cycles of every k-winner layer after each training epoch.

    `entropy` is in bits a unit, `entropy_share` its share of the highest there is for as many winners; duty
    cycles have their least, mean and greatest. They go to the loggers alone: they are not metrics of a job.
    """

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log them."""
        metrics: dict[str, float] = {}
        for name, layer in k_winner_layers(pl_module).items():
            entropy, duty_cycle = layer.entropy(), layer.duty_cycle
            metrics |= {
                f"{name}/entropy": float(entropy),
                f"{name}/entropy_share": float(entropy / layer.highest_entropy().to(entropy)),
                f"{name}/duty_cycle_min": float(duty_cycle.min()),
                f"{name}/duty_cycle_mean": float(duty_cycle.mean()),
                f"{name}/duty_cycle_max": float(duty_cycle.max()),
            }
        if metrics:
            step = trainer.fit_loop.epoch_loop._batches_that_stepped - 1  # that of the epoch's other rows
            for logger in trainer.loggers:
                logger.log_metrics(metrics, step=step)
