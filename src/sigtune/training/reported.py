"""Which epoch's metrics a job reports: the last, or the best by the checkpoint callback with a monitor."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from sigtune.config.signatures import class_named
from sigtune.errors import Problem, UsageError, nearest
from sigtune.training.callbacks.job_state import metrics_in
from sigtune.training.checkpoint_io import read_checkpoint


def report_problems(report: str, callbacks: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with `report`, given the configs of the callbacks."""
    if report not in ("last", "best"):
        return [Problem(f"report={report}", "no such epoch", nearest(report, ("last", "best")))]
    if report == "best" and not any(_is_monitoring(section) for section in callbacks.values()):
        remedy = "callbacks=[default,best_checkpoint]"
        return [Problem("report=best", "no callback keeps the best epoch", remedy)]
    return []


def _is_monitoring(section: Any) -> bool:
    """Return whether a callback's config is that of a checkpoint callback with a monitor."""
    found = class_named(section.get("_target_")) if isinstance(section, Mapping) else None
    if found is None or not issubclass(found, ModelCheckpoint):
        return False
    default = inspect.signature(found).parameters.get("monitor")
    return section.get("monitor", default and default.default) is not None


def best_checkpoint(trainer: pl.Trainer) -> str | None:
    """Return the path of the best epoch's checkpoint; None where none was kept."""
    callback = monitoring_checkpoint(trainer)
    return callback.best_model_path or None if callback else None


def metrics_of(path: str) -> dict[str, float]:
    """Return the metrics that the checkpoint's epoch ended with.

    Raises UsageError where it cannot be read.
    """
    content = read_checkpoint(Path(path))
    if content is None:
        what = f"{path} cannot be read: something of the module's or a callback's in it is no plain value"
        raise UsageError([Problem("report=best", what, "report=last, or tensors and plain values there")])
    return metrics_in(content)


def monitoring_checkpoint(trainer: pl.Trainer) -> ModelCheckpoint | None:
    """Return the callback that keeps the best epoch by a metric; None where there is none."""
    kept = (one for one in trainer.checkpoint_callbacks if isinstance(one, ModelCheckpoint))
    return next((one for one in kept if one.monitor is not None), None)
