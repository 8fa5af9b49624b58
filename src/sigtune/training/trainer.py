"""Build the Lightning trainer from the config."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.loggers import Logger
from pytorch_lightning.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler

from sigtune.config.hydra_version import CHECKED_TARGETS
from sigtune.config.schema import TrainerConfig
from sigtune.errors import Problem, UsageError
from sigtune.training.checkpoint_io import BackgroundCheckpointIO
from sigtune.training.devices import device_problems, setting_problems
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.precision import BFloat16Mixed, chosen_precision
from sigtune.training.spawned import SpawnedDDP

SIGTUNES_OWN = ("gpus", "resume", "step", "num_threads", "process_group_backend")
"""The fields of TrainerConfig that are not parameters of Lightning's trainer."""

DECIDED_ELSEWHERE = (
    *("accelerator", "devices", "strategy", "num_nodes"),  # by trainer.gpus
    *("callbacks", "enable_checkpointing", "logger"),  # by those config groups
    *("enable_progress_bar", "plugins"),  # by the run
)
"""The parameters of Lightning's trainer that are no fields of TrainerConfig."""

PROFILERS: dict[str, Callable[..., Profiler]] = {
    "simple": SimpleProfiler,
    "advanced": AdvancedProfiler,
    "pytorch": PyTorchProfiler,
}


@without_known_warnings()
def build_trainer(
    config: TrainerConfig,
    callbacks: Mapping[str, Any],
    logger: Any,
    progress_bar: bool,
    own_callbacks: Sequence[pl.Callback],
) -> pl.Trainer:
    """Return the trainer; `callbacks` and `logger` are configs with a `_target_`, which come after our own.

    Raises UsageError where `trainer.gpus` is more than the machine has, or Lightning refuses a setting.
    """
    if problems := device_problems(config.gpus) + setting_problems(config):
        raise UsageError(problems)
    if config.num_threads is not None:
        torch.set_num_threads(config.num_threads)
    arguments = {name: value for name, value in asdict(config).items() if name not in SIGTUNES_OWN}
    arguments["profiler"] = _profiler(config)
    gpus = config.gpus
    plugins: list[Any] = [BackgroundCheckpointIO(), _one_machine()]
    arguments["precision"] = chosen_precision(config.precision, gpus)
    if arguments["precision"] == "bf16-mixed":
        arguments["precision"] = None
        plugins.append(BFloat16Mixed("cuda" if gpus else "cpu"))
    if gpus:
        # TF32 in the linear layers' products, as torch has it in convolutions by default.
        torch.set_float32_matmul_precision("high")
    chosen = [instantiate(one, **CHECKED_TARGETS) for one in callbacks.values() if one is not None]
    if not logger:
        # Lightning's own refuses to monitor a rate that nothing is there to write down.
        chosen = [one for one in chosen if not isinstance(one, pl.callbacks.LearningRateMonitor)]
    # The last epoch's checkpoint holds what the others know of the best one: it comes after theirs.
    chosen.sort(key=lambda one: isinstance(one, pl.callbacks.ModelCheckpoint) and one.monitor is None)
    try:
        return pl.Trainer(
            accelerator="gpu" if gpus else "cpu",
            devices=gpus or 1,
            strategy=chosen_strategy(config),
            callbacks=[*own_callbacks, *chosen, *([pl.callbacks.TQDMProgressBar()] if progress_bar else [])],
            logger=_loggers(logger) or False,
            enable_checkpointing=any(isinstance(one, pl.callbacks.ModelCheckpoint) for one in chosen),
            plugins=plugins,
            enable_progress_bar=progress_bar,
            **arguments,
        )
    except (MisconfigurationException, ValueError, TypeError) as error:  # settings that exclude each other
        raise UsageError([Problem("trainer", str(error).partition("\n")[0])]) from error


def chosen_strategy(config: TrainerConfig) -> str | SpawnedDDP:
    """Return how the GPUs train together."""
    if config.gpus < 2:
        return "auto"
    return SpawnedDDP(process_group_backend=config.process_group_backend)


def _profiler(config: TrainerConfig) -> Profiler | None:
    """Return the profiler, which writes into `default_root_dir`: what it would log is not shown."""
    if config.profiler is None:
        return None
    return PROFILERS[config.profiler](dirpath=config.default_root_dir or ".", filename="profile")


def _loggers(config: Any) -> list[Logger]:
    """Return the one logger of the config, or the several by name; none for None."""
    several = [] if not config else [config] if "_target_" in config else config.values()
    return [instantiate(one, **CHECKED_TARGETS) for one in several if one is not None]


def _one_machine() -> LightningEnvironment:
    """Return the environment of a process that starts those of further GPUs itself, inside a Slurm job too.

    By itself Lightning takes Slurm's variables for a training that Slurm has started on several machines: it
    then asks for as many GPUs as tasks, and only the task numbered 0 writes metrics. A job of a search, and
    each of several workers that `srun` started, is a training of its own.
    """
    environment = LightningEnvironment()
    environment.set_global_rank(0)
    return environment
