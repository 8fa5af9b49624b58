"""Which checkpoint a job resumes from, by `trainer.resume`: `auto`, `never`, or a file.

This module imports torch only where a checkpoint is read: the sweep checks the config before it starts a job.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from sigtune.config.schema import Config
from sigtune.errors import Problem, UsageError

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

AUTO = "auto"
NEVER = "never"
_CHOICES = f"{AUTO}, {NEVER}, or the path of a checkpoint"

_SECTIONS = ("data", "module", "model", "optimizer", "scheduler", "trainer")

# What of the trainer's settings may differ between a job and the one that resumes it.
_FREE_SETTINGS = {
    *("resume", "step", "gpus", "num_threads", "process_group_backend"),
    *("log_every_n_steps", "default_root_dir", "profiler"),
}


def resume_problems(resume: str) -> list[Problem]:
    """Return what is wrong with `trainer.resume` as far as it shows without reading the file."""
    if resume in {AUTO, NEVER} or Path(resume).is_file():
        return []
    return [Problem(f"trainer.resume={resume}", "no such file", _CHOICES)]


def job_identity(config: Config) -> dict[str, Any]:
    """Return the part of the config that decides what a job trains, as plain values."""
    sections = OmegaConf.create({name: getattr(config, name) for name in _SECTIONS})
    identity: dict[str, Any] = OmegaConf.to_container(sections)  # type: ignore[assignment]
    trainer = {key: value for key, value in identity["trainer"].items() if key not in _FREE_SETTINGS}
    return {**identity, "trainer": trainer, "seed": config.seed}


@dataclass(frozen=True)
class ResumePoint:
    """A checkpoint that training resumes from, after `epochs` epochs and what loggers count as `steps`."""

    path: Path
    epochs: int
    steps: int


def resume_point(config: Config, last: Path | None, weights: Mapping[str, Tensor]) -> ResumePoint | None:
    """Return where training resumes from, or None to begin anew.

    `last` is where the job keeps its last checkpoint, `weights` the state dict that a checkpoint must fit.
    `auto` resumes from `last` where that is whole, of layers as they are now and of a job with the same
    config. Raises UsageError for a file named by the user that is not a checkpoint, of another network or of
    a release with other layers, or beyond trainer.max_epochs.
    """
    resume = config.trainer.resume
    if resume == NEVER:
        return None
    if resume == AUTO:
        point = _own(last, config) if last is not None and last.is_file() else None
    else:
        point = _named(Path(resume), config, weights)
    if point is not None:
        log.info("resuming after epoch %d of %d: %s", point.epochs, config.trainer.max_epochs, point.path)
    return point


def _own(path: Path, config: Config) -> ResumePoint | None:
    from sigtune.training.callbacks.job_state import identity_of
    from sigtune.training.checkpoint_io import read_checkpoint

    checkpoint = read_checkpoint(path)
    if checkpoint is None:
        log.warning("%s is not a checkpoint: training begins anew", path)
        return None
    if identity_of(checkpoint) != job_identity(config):
        log.warning("%s is of a job with another config: training begins anew", path)
        return None
    if _has_zeroed_weights(checkpoint):
        log.warning("%s %s: training begins anew", path, _HAS_ZEROED_WEIGHTS)
        return None
    return _point(path, checkpoint)


def _named(path: Path, config: Config, weights: Mapping[str, Tensor]) -> ResumePoint:
    from sigtune.training.checkpoint_io import read_checkpoint

    if problems := resume_problems(str(path)):
        raise UsageError(problems)
    key = f"trainer.resume={path}"
    checkpoint = read_checkpoint(path)
    if checkpoint is None:
        raise UsageError([Problem(key, "is not a checkpoint of a training run", _CHOICES)])
    if _has_zeroed_weights(checkpoint):
        remedy = f"finish it with that release, or test its weights: --config-name evaluate checkpoint={path}"
        raise UsageError([Problem(key, _HAS_ZEROED_WEIGHTS, remedy)])
    shapes = {name: tensor.shape for name, tensor in checkpoint["state_dict"].items()}
    if shapes != {name: tensor.shape for name, tensor in weights.items()}:
        what = "is of another network than the configured model"
        raise UsageError([Problem(key, what, "the model that it was trained with")])
    point = _point(path, checkpoint)
    if 0 <= config.trainer.max_epochs < point.epochs:
        what = f"has trained {point.epochs} epochs, more than trainer.max_epochs={config.trainer.max_epochs}"
        raise UsageError([Problem(key, what, f"trainer.max_epochs={point.epochs} or more")])
    return point


_HAS_ZEROED_WEIGHTS = "is of release 0.1.0, whose optimizers held the zero weights of sparse layers too"


def _has_zeroed_weights(checkpoint: Mapping[str, Any]) -> bool:
    """Return whether its sparse layers have all weights and a mask of those that are kept.

    The layers take such weights, but the state of an optimizer would no longer fit its parameters.
    """
    return any(name.endswith(".kept") for name in checkpoint["state_dict"])


def _point(path: Path, checkpoint: Mapping[str, Any]) -> ResumePoint:
    # Of several optimizers each step is a global one, and loggers count the batches.
    loop = checkpoint["loops"].get("fit_loop", {}).get("epoch_loop.state_dict", {})
    steps = loop.get("_batches_that_stepped", checkpoint["global_step"])
    return ResumePoint(path, checkpoint["epoch"] + 1, steps)
