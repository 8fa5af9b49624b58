"""Trainings that are compared by all that their last checkpoints hold."""

import os
import signal
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from sigtune.config.schema import Config
from sigtune.training.checkpoint_io import read_checkpoint
from sigtune.training.train import train


def trained(config: Config, folder: Path) -> dict[str, Any]:
    """Train and return the last checkpoint, which is kept in the folder."""
    config.callbacks["checkpoint"] = {
        "_target_": "pytorch_lightning.callbacks.ModelCheckpoint",
        "dirpath": str(folder),
        "filename": "last",
        "save_on_train_epoch_end": True,
        "enable_version_counter": False,
    }
    train(config)
    content = read_checkpoint(folder / "last.ckpt")
    assert content is not None
    content["sigtune"].pop("identity")  # the config, which may differ
    return content


def assert_equal(one: Any, other: Any, place: str = "") -> None:
    """Assert that two parts of checkpoints are equal, bit for bit."""
    if isinstance(one, Tensor):
        assert one.equal(other), place
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for name in one:
            assert_equal(one[name], other[name], f"{place}.{name}")
    elif isinstance(one, list | tuple):
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            assert_equal(first, second, f"{place}[{index}]")
    else:
        assert one == other, place


def assert_equal_trainings(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Assert that two trainings ended alike: weights, optimizer, schedule, metrics and random numbers."""
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "sigtune", "global_step", "loops"):
        assert_equal(one[part], other[part], part)


class BrokenOffError(Exception):
    """What ends a training of BreakOff."""


class BreakOff(pl.Callback):
    """Ends a training with an error before a batch of an epoch, both counted from 0."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.epoch = epoch
        self.batch = batch

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if (trainer.current_epoch, batch_idx) == (self.epoch, self.batch):
            raise BrokenOffError


def broken_off(config: Config, epoch: int, batch: int) -> Config:
    """Return the config of a training that ends with BrokenOffError."""
    target = f"{BreakOff.__module__}.{BreakOff.__name__}"
    config.callbacks["break_off"] = {"_target_": target, "epoch": epoch, "batch": batch}
    return config


class KillItself(BreakOff):
    """Kills its process there, as nothing in it could see coming."""

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if (trainer.current_epoch, batch_idx) == (self.epoch, self.batch):
            os.kill(os.getpid(), signal.SIGKILL)
