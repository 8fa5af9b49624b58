"""LearningCurves: every metric that a training logs, by epoch, in a small file for pages and reports."""

from __future__ import annotations

import csv
from pathlib import Path

import pytorch_lightning as pl
from torch import Tensor

from sigtune.training.callbacks.learning_rates import learning_rates

CURVES_NAME = "curves.csv"


class LearningCurves(pl.Callback):
    """Writes curves.csv into the job's folder: a row for each epoch, a column for each metric.

    Loggers differ in what they write and where, and there may be none: this file is there with any of them.
    The learning rates are those that the epoch begins with. A job that resumes keeps the rows of the epochs
    before. Epochs count from 0, as Lightning's do.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / CURVES_NAME
        self._rows: list[dict[str, str]] = []
        self._seen: dict[str, Tensor] = {}
        self._learning_rates: dict[str, float] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep what an earlier attempt wrote of the epochs that are not trained again."""
        if trainer.is_global_zero and self._path.is_file():
            with self._path.open(newline="") as file:
                rows = list(csv.DictReader(file))
            self._rows = [row for row in rows if int(row["epoch"]) < trainer.current_epoch]

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the learning rates, which are the next epoch's when this one ends."""
        self._learning_rates = dict(learning_rates(trainer))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch's row."""
        # Lightning's LearningRateMonitor, where a user has it, puts its rates among those of some epochs.
        metrics = {name: one for name, one in trainer.callback_metrics.items() if not name.startswith("lr-")}
        # Lightning keeps the tensor of a metric that was not logged again, as without validation this epoch.
        new = {name: float(one) for name, one in metrics.items() if self._seen.get(name) is not one}
        self._seen = metrics
        values = {name: f"{value:.9g}" for name, value in {**new, **self._learning_rates}.items()}
        self._rows.append({"epoch": str(trainer.current_epoch), "step": str(trainer.global_step), **values})
        if trainer.is_global_zero:
            self._write()

    def _write(self) -> None:
        names = dict.fromkeys(name for row in self._rows for name in row)
        draft = self._path.with_suffix(".draft")
        with draft.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(names), restval="")
            writer.writeheader()
            writer.writerows(self._rows)
        draft.replace(self._path)  # a page may be reading the file
