"""Several processes that train together, here two on the CPU: what one raises is raised by their parent."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import ModelCheckpoint
from tests.training.own_project import Regression, Squares
from torch.multiprocessing.spawn import ProcessRaisedException

from sigtune.errors import JobStoppedError, Problem, UsageError
from sigtune.training import checkpoint_writer
from sigtune.training.callbacks.stop_when_asked import StopWhenAsked
from sigtune.training.checkpoint_io import BackgroundCheckpointIO, read_checkpoint
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.spawned import SpawnedDDP


class StopFile:
    """Asks to stop once there is a checkpoint of the third epoch to be written."""

    def __init__(self, trainer: pl.Trainer) -> None:
        self._trainer = trainer

    def __call__(self) -> bool:
        return self._trainer.current_epoch == 3


def fit(
    devices: int, folder: Path, stop: bool = False, module: pl.LightningModule | None = None
) -> pl.Trainer:
    checkpoint = ModelCheckpoint(
        folder, "last", enable_version_counter=False, save_on_train_epoch_end=True, save_last=False
    )
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=devices,
        strategy=SpawnedDDP(process_group_backend="gloo"),
        plugins=[BackgroundCheckpointIO(), LightningEnvironment()],
        callbacks=[checkpoint],
        max_epochs=5,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    if stop:
        trainer.callbacks.insert(0, StopWhenAsked(StopFile(trainer)))  # type: ignore[attr-defined]
    with without_known_warnings():
        trainer.fit(module or Regression(), datamodule=Squares())
    return trainer


@pytest.mark.slow
def test_a_stop_is_a_stop_and_the_last_checkpoint_is_there(tmp_path: Path) -> None:
    assert checkpoint_writer.SECONDS_BETWEEN_WRITES > 1  # than the epochs here take
    with pytest.raises(JobStoppedError, match="asked to stop in epoch 4"):
        fit(2, tmp_path, stop=True)
    checkpoint = read_checkpoint(tmp_path / "last.ckpt")
    assert checkpoint is not None
    assert checkpoint["epoch"] == 2


class Refusing(Regression):
    def on_train_start(self) -> None:
        raise UsageError([Problem("module.hidden", "is too odd", "an even one")])


class Broken(Regression):
    def on_train_start(self) -> None:
        raise ZeroDivisionError("a mistake of the user's")


@pytest.mark.slow
def test_wrong_input_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        fit(1, tmp_path, module=Refusing())
    assert caught.value.problems == (Problem("module.hidden", "is too odd", "an even one"),)


@pytest.mark.slow
def test_any_other_error_comes_with_the_traceback_of_its_process(tmp_path: Path) -> None:
    with pytest.raises(ProcessRaisedException, match="ZeroDivisionError: a mistake of the user's"):
        fit(1, tmp_path, module=Broken())


@pytest.mark.slow
def test_a_training_that_ends_gives_its_weights_and_its_checkpoint(tmp_path: Path) -> None:
    trainer = fit(2, tmp_path)
    checkpoint = read_checkpoint(tmp_path / "last.ckpt")
    assert checkpoint is not None
    assert checkpoint["epoch"] == 4
    weights: dict[str, Any] = trainer.lightning_module.state_dict()
    assert all(torch.equal(weights[name], saved) for name, saved in checkpoint["state_dict"].items())
