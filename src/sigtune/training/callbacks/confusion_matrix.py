"""ConfusionMatrix: which classes a classifier takes for which, in a small file for pages and reports."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from sigtune.training.reported import monitoring_checkpoint

VALIDATION_NAME = "confusion.csv"
TEST_NAME = "confusion_test.csv"


class ConfusionMatrix(pl.Callback):
    """Writes confusion.csv into a job's folder when a validation ends, confusion_test.csv when a test does.

    Each has the last of these. With `of_best` that of the best epoch stays, by the callback that keeps
    its checkpoint. It is counted where the module's step returns the predicted classes (N,) of a batch of
    inputs and classes (N,), as sigtune's Classifier does; otherwise there is no file.
    """

    def __init__(self, folder: Path, of_best: bool = False) -> None:
        self._of_best = of_best
        self._folder = folder
        self._pairs: list[Tensor] = []

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's classes and predictions, on the device."""
        self._keep(outputs, batch)

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's classes and predictions, on the device."""
        self._keep(outputs, batch)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the matrix of the validation set."""
        if self._of_best and not _is_best(trainer):
            self._pairs = []
        self._write(trainer, f"validation, epoch {trainer.current_epoch}", VALIDATION_NAME)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the matrix of the test set."""
        self._write(trainer, "test", TEST_NAME)

    def _keep(self, outputs: Any, batch: Any) -> None:
        if not isinstance(outputs, Tensor) or not isinstance(batch, list | tuple) or len(batch) != 2:
            return
        classes = batch[1]
        if isinstance(classes, Tensor) and classes.dim() == 1 and _are_classes(outputs, classes):
            self._pairs.append(torch.stack([classes, outputs]))

    def _write(self, trainer: pl.Trainer, what: str, name: str) -> None:
        pairs, self._pairs = self._pairs, []
        if not pairs or trainer.sanity_checking:
            return
        classes, predicted = torch.cat(pairs, dim=1)
        known = (classes >= 0) & (predicted >= 0)  # a negative class is torch's for one to ignore
        names = list(getattr(getattr(trainer, "datamodule", None), "class_names", ()))
        highest = trainer.strategy.reduce(torch.maximum(classes, predicted).max(), reduce_op="max")
        size = max(len(names), int(highest) + 1)
        counts = torch.bincount((classes * size + predicted)[known], minlength=size * size)
        counts = trainer.strategy.reduce(counts, reduce_op="sum")  # each GPU has seen a share
        if trainer.is_global_zero:
            titles = [*names, *map(str, range(len(names), size))]
            rows = [
                [title, *row] for title, row in zip(titles, counts.reshape(size, size).tolist(), strict=True)
            ]
            _write_rows(self._folder / name, [[what, *titles], *rows])


def _write_rows(path: Path, rows: list[list[Any]]) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    draft.replace(path)  # a page may be reading the file


def _is_best(trainer: pl.Trainer) -> bool:
    """Return whether the epoch is better than those before, by the callback that keeps the best one."""
    checkpoint = monitoring_checkpoint(trainer)
    if checkpoint is None or checkpoint.best_model_score is None:
        return True
    value = trainer.callback_metrics.get(str(checkpoint.monitor))
    better = torch.lt if checkpoint.mode == "min" else torch.gt
    return value is None or bool(better(value, checkpoint.best_model_score.to(value.device)))


def _are_classes(outputs: Tensor, classes: Tensor) -> bool:
    return outputs.shape == classes.shape and outputs.dtype == classes.dtype == torch.int64
