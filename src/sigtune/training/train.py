"""One training run: a config in, metrics out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities.exceptions import SIGTERMException

from sigtune.config.schema import Config
from sigtune.errors import JobStoppedError, UsageError
from sigtune.training.callbacks.confusion_matrix import ConfusionMatrix
from sigtune.training.callbacks.graph_steps import GraphSteps
from sigtune.training.callbacks.job_state import JobState
from sigtune.training.callbacks.learning_curves import LearningCurves
from sigtune.training.callbacks.stop_when_asked import StopWhenAsked
from sigtune.training.checkpoint_io import flush_checkpoints
from sigtune.training.compilation import compile_model
from sigtune.training.evaluate import test_metrics
from sigtune.training.host_memory import reuse_freed_memory
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.logged_metrics import keep_logged_metrics
from sigtune.training.reported import best_checkpoint, metrics_of, report_problems
from sigtune.training.resume import job_identity, resume_point
from sigtune.training.targets import build
from sigtune.training.trainer import build_trainer
from sigtune.training.wandb_runs import run_ended_after

# Lightning tells at every fit which accelerators it found; the config says which one is used.
logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)


def train(
    config: Config,
    progress_bar: bool = False,
    should_stop: Callable[[], bool] | None = None,
    folder: Path | None = None,
) -> dict[str, float]:
    """Train the configured module on the configured data; return the metrics of the reported epoch by name.

    Into `folder`, where one is given, go the learning curves and a classifier's confusion matrix.
    Raises UsageError where the machine lacks what the config asks for, DivergedError when the loss is no
    longer a finite number, and JobStoppedError when `should_stop`, asked after every batch, says so, or when
    SIGTERM comes.
    """
    if problems := report_problems(config.report, config.callbacks):
        raise UsageError(problems)
    reuse_freed_memory()
    pl.seed_everything(config.seed, verbose=False)
    data = build("data", config.data)
    module: pl.LightningModule = build("module", config.module)
    job_state = JobState(job_identity(config))
    own: list[pl.Callback] = [job_state]
    if should_stop is not None:
        own.append(StopWhenAsked(should_stop))
    if folder is not None:
        own += [LearningCurves(folder), ConfusionMatrix(folder, of_best=config.report == "best")]
    if config.trainer.step == "graph":
        own.append(GraphSteps())
    trainer = build_trainer(config.trainer, config.callbacks, config.logger, progress_bar, own)
    resumed = resume_point(config, _last_checkpoint(trainer), module.state_dict())
    with without_known_warnings(), run_ended_after(trainer.loggers):
        if resumed is not None and trainer.is_global_zero:
            keep_logged_metrics(trainer.loggers, resumed.steps)
        if config.trainer.step == "compile":
            compile_model(getattr(module, "model", module), trainer.strategy.root_device)
        path = None if resumed is None else resumed.path
        try:
            trainer.fit(module, datamodule=data, ckpt_path=path, weights_only=True)
        except SIGTERMException as error:
            raise JobStoppedError("SIGTERM") from error
        flush_checkpoints(trainer)
        # A job that was killed after its last epoch has no more to train, and its metrics already.
        metrics: dict[str, Any] = {**(trainer.callback_metrics or job_state.metrics)}
        best = best_checkpoint(trainer) if config.report == "best" else None
        if best is not None:
            metrics = metrics_of(best)
        if config.evaluate:
            metrics |= test_metrics(trainer, module, data, best)
    return {name: float(value) for name, value in metrics.items()}


def _last_checkpoint(trainer: pl.Trainer) -> Path | None:
    """Return where the trainer keeps its last checkpoint; None where it keeps none."""
    callbacks = trainer.checkpoint_callbacks
    last = [one for one in callbacks if getattr(one, "monitor", None) is None] or callbacks
    folder = getattr(last[0], "dirpath", None) if last else None
    return Path(folder) / "last.ckpt" if folder else None
