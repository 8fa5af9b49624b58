"""Test the weights of a finished training: a checkpoint in, metrics of the test set out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException

from sigtune.config.schema import EvaluationConfig, EvaluationTrainerConfig, TrainerConfig
from sigtune.config.signatures import class_named
from sigtune.errors import Problem, UsageError
from sigtune.training.callbacks.confusion_matrix import ConfusionMatrix
from sigtune.training.callbacks.job_state import identity_of
from sigtune.training.callbacks.learning_curves import CURVES_NAME
from sigtune.training.checkpoint_io import read_checkpoint
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.noise_test import SampleCount, noise_score, noise_test, write_results
from sigtune.training.targets import build, foreign_problems
from sigtune.training.trainer import build_trainer


def evaluate(
    config: EvaluationConfig, progress_bar: bool = False, folder: Path | None = None
) -> dict[str, float]:
    """Test the checkpoint's weights and return the metrics of the test set, by name.

    `noise_score` is the one of the noise test at `config.noise_levels`, which is written into `folder`, if
    given. A classifier's confusion matrix goes into the folder of the job that wrote the checkpoint, where
    pages and reports look for it, or else into `folder`. The module, and without `config.data` the data, are
    those that the checkpoint was trained with.
    Raises UsageError where it is not a checkpoint of a training, or names classes of another type than their
    place.
    """
    if problems := _level_problems(config.noise_levels):
        raise UsageError(problems)
    pl.seed_everything(config.seed, verbose=False)
    sections = trained_sections(config.checkpoint)
    section = config.data or sections["data"]
    data = build("data", section)
    module: pl.LightningModule = build("module", sections["module"])
    confusion_folder = _job_folder(config) or folder
    confusion = [] if confusion_folder is None else [ConfusionMatrix(confusion_folder)]
    trainer = build_trainer(_settings(config.trainer), {}, None, progress_bar, [SampleCount(), *confusion])
    with without_known_warnings():
        metrics = test_metrics(trainer, module, data, config.checkpoint)
        for callback in confusion:
            trainer.callbacks.remove(callback)  # type: ignore[attr-defined]  # noise is not the test set
        results = noise_test(trainer, module, data, config.noise_levels, config.seed)
    if not results:
        return metrics
    if folder is not None:
        write_results(results, folder)
    return {**metrics, "noise_score": float(noise_score(results))}


def _job_folder(config: EvaluationConfig) -> Path | None:
    """Return the folder of the checkpoint's job; None where another than its whole test set is tested."""
    share = config.trainer.limit_test_batches
    is_whole = isinstance(share, float) and share == 1.0  # 1 is one batch
    folder = Path(config.checkpoint).resolve().parent.parent
    is_job = (folder / CURVES_NAME).is_file() and os.access(folder, os.W_OK)
    return folder if is_job and is_whole and config.data is None else None


def test_metrics(
    trainer: pl.Trainer, module: pl.LightningModule, data: pl.LightningDataModule | None, path: str | None
) -> dict[str, float]:
    """Return the metrics of the test set, by name; of the checkpoint's weights, or those that `module` has.

    Raises UsageError where the module has no test_step, or neither it nor the data a test set.
    """
    try:
        (metrics,) = trainer.test(module, data, ckpt_path=path, weights_only=True, verbose=False)
    except MisconfigurationException as error:
        raise UsageError([Problem("evaluate", str(error).partition("\n")[0])]) from error
    return {name: float(value) for name, value in metrics.items()}


def untestable_problems(module: Mapping[str, Any], data: Mapping[str, Any] | None) -> list[Problem]:
    """Return why `evaluate=true` would find nothing to do: the classes have no test step, or no test set.

    Of what a function makes, nothing is known before.
    """
    classes = [class_named(section.get("_target_")) for section in (module, data) if section is not None]
    problems = []
    if classes[0] is not None and _inherits(classes[0], pl.LightningModule, "test_step"):
        problems.append(Problem("evaluate=true", f"{module['_target_']} has no test_step", "evaluate=false"))
    bases = (pl.LightningModule, pl.LightningDataModule)
    if all(found and any(_inherits(found, base, "test_dataloader") for base in bases) for found in classes):
        what = "neither the data nor the module has a test_dataloader"
        problems.append(Problem("evaluate=true", what, "evaluate=false"))
    return problems


def _inherits(found: type, base: type, method: str) -> bool:
    """Return whether the class has the method as `base` has it."""
    return getattr(found, method, None) is getattr(base, method)


def trained_sections(checkpoint: str) -> Mapping[str, Any]:
    """Return the config sections of the training that wrote the file, by name, as plain values.

    The file may be somebody else's, so its `_target_`s are refused but for classes of the types for their
    places. Raises UsageError where there is no such config.
    """
    key = f"checkpoint={checkpoint}"
    content = read_checkpoint(Path(checkpoint))
    if content is None:
        what = "is not a checkpoint of a training run" if Path(checkpoint).exists() else "no such file"
        raise UsageError([Problem(key, what, "checkpoints/last.ckpt in a job's folder")])
    sections: Mapping[str, Any] | None = identity_of(content)
    if sections is None:
        raise UsageError([Problem(key, "was written by another program than sigtune's training")])
    problems = [one for group in ("module", "data") for one in foreign_problems(group, sections.get(group))]
    if problems:
        raise UsageError(problems)
    return sections


def _level_problems(levels: Sequence[float]) -> list[Problem]:
    return [
        Problem("noise_levels", f"{level} is not a share of noise", "numbers from 0 to 1")
        for level in levels
        if not 0 <= level <= 1
    ]


def _settings(trainer: EvaluationTrainerConfig) -> TrainerConfig:
    return TrainerConfig(
        gpus=trainer.gpus,
        max_epochs=1,
        precision=trainer.precision,
        deterministic=trainer.deterministic,
        limit_test_batches=trainer.limit_test_batches,
    )
