"""Which epoch's metrics a job reports: the last, or the best by the checkpoint callback with a monitor."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from sigtune.errors import Problem, nearest
from sigtune.training.callbacks.job_state import metrics_in
from sigtune.training.checkpoint_io import read_checkpoint


def report_problems(report: str, trainer: pl.Trainer) -> list[Problem]:
    """Return what is wrong with `report`, given the callbacks of the trainer."""
    if report not in ("last", "best"):
        return [Problem(f"report={report}", "no such epoch", nearest(report, ("last", "best")))]
    if report == "best" and _monitoring(trainer) is None:
        remedy = "callbacks=[default,best_checkpoint]"
        return [Problem("report=best", "no callback keeps the best epoch", remedy)]
    return []


def best_checkpoint(trainer: pl.Trainer) -> str | None:
    """Return the path of the best epoch's checkpoint; None where none was kept."""
    callback = _monitoring(trainer)
    return callback.best_model_path or None if callback else None


def metrics_of(path: str) -> dict[str, float]:
    """Return the metrics that the checkpoint's epoch ended with."""
    return metrics_in(read_checkpoint(Path(path)) or {})


def _monitoring(trainer: pl.Trainer) -> ModelCheckpoint | None:
    kept = (one for one in trainer.checkpoint_callbacks if isinstance(one, ModelCheckpoint))
    return next((one for one in kept if one.monitor is not None), None)
