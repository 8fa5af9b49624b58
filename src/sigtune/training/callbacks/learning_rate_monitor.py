"""LearningRateMonitor: the learning rates, in the logs alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytorch_lightning as pl


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
        every = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set elsewhere
        if every and (trainer.global_step + 1) % every == 0:
            self._log(trainer, "step")

    def _log(self, trainer: pl.Trainer, interval: str) -> None:
        rates = dict(_rates(trainer, interval))
        if rates:
            for logger in trainer.loggers:
                logger.log_metrics(rates, step=trainer.global_step)


def _rates(trainer: pl.Trainer, interval: str) -> Iterator[tuple[str, float]]:
    """Yield the names and values of the rates that are scheduled by the interval, or not scheduled."""
    intervals = {id(config.scheduler.optimizer): config.interval for config in trainer.lr_scheduler_configs}
    seen: dict[str, int] = {}
    for optimizer in trainer.optimizers:
        name = f"lr-{type(optimizer).__name__}"
        number = seen[name] = seen.get(name, -1) + 1
        if intervals.get(id(optimizer), interval) != interval:
            continue
        prefix = f"{name}-{number}" if number else name
        groups = optimizer.param_groups
        for index, group in enumerate(groups, start=1):
            yield f"{prefix}/pg{index}" if len(groups) > 1 else prefix, float(group["lr"])
