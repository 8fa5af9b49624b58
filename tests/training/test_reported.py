"""What a job reports: the last epoch's metrics or the best epoch's, and the test set's."""

import errno
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from tests.training.own_project import Classes

from sigtune.config.schema import Config, TrainerConfig
from sigtune.errors import JobStoppedError, UnwritableFileError, UsageError
from sigtune.training.checkpoint_io import read_checkpoint
from sigtune.training.reported import metrics_of
from sigtune.training.train import train

CHECKPOINT = "pytorch_lightning.callbacks.ModelCheckpoint"


def run(folder: Path, job: Path | None = None, **changes: Any) -> dict[str, float]:
    best = {
        "_target_": CHECKPOINT,
        "dirpath": str(folder),
        "filename": "best",
        "monitor": "validation_loss",
        "save_on_train_epoch_end": True,
    }
    module = {
        "_target_": "sigtune.training.classifier.Classifier",
        "_recursive_": False,
        "model": {"_target_": "torch.nn.Linear", "in_features": 4, "out_features": 2},
        # The loss grows with the epochs, so that the first is the best.
        "optimizer": {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.1, "maximize": True},
    }
    settings: dict[str, Any] = {
        "data": {"_target_": f"{Classes.__module__}.Classes"},
        "callbacks": {"best": best},
        **changes,
    }
    trainer = TrainerConfig(max_epochs=4, log_every_n_steps=1)
    config = Config(module=module, model=None, optimizer=None, scheduler=None, trainer=trainer, **settings)
    return train(config, folder=job)


def test_the_best_epoch_is_reported_and_tested(tmp_path: Path) -> None:
    last = run(tmp_path / "last", evaluate=True)
    best = run(tmp_path / "best", report="best", evaluate=True)
    assert best["validation_loss"] < last["validation_loss"]
    # The test set of this data is its validation set, so the weights that were tested can be told.
    for metrics in (last, best):
        assert metrics["test_loss"] == pytest.approx(metrics["validation_loss"])


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"report": "worst"}, "worst"),
        ({"callbacks": {}, "report": "best"}, "best"),
        ({"callbacks": {"last": {"_target_": CHECKPOINT, "dirpath": "."}}, "report": "best"}, "best"),
    ],
)
def test_an_epoch_that_cannot_be_reported_is_refused(
    tmp_path: Path, changes: dict[str, Any], key: str
) -> None:
    with pytest.raises(UsageError, match=f"report={key}"):
        run(tmp_path, **changes)


def test_a_best_epoch_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").write_text("of another program")
    with pytest.raises(UsageError, match=r"best\.ckpt cannot be read"):
        metrics_of(str(tmp_path / "best.ckpt"))


def last_checkpoint(folder: Path) -> dict[str, Any]:
    return {
        "_target_": CHECKPOINT,
        "dirpath": str(folder),
        "filename": "last",
        "save_on_train_epoch_end": True,
        "enable_version_counter": False,
    }


def test_the_last_checkpoint_knows_of_the_best_epoch_even_where_that_is_the_last(tmp_path: Path) -> None:
    """A job that resumes from it compares with the best of all epochs, whichever callback is named first."""
    last = last_checkpoint(tmp_path)
    best = {**last, "filename": "best", "monitor": "validation_loss", "mode": "max"}  # the loss grows
    run(tmp_path, callbacks={"last": last, "best": best}, report="best")
    checkpoint = read_checkpoint(tmp_path / "last.ckpt")
    assert checkpoint is not None
    known = [
        float(state["best_model_score"])
        for state in checkpoint["callbacks"].values()
        if state.get("monitor") == "validation_loss"
    ]
    assert known == [pytest.approx(checkpoint["sigtune"]["metrics"]["validation_loss"])]


class StopInEpoch3(pl.Callback):
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 3:
            raise JobStoppedError("asked to stop in epoch 4")


def test_a_job_that_is_stopped_leaves_the_checkpoint_of_its_last_whole_epoch(tmp_path: Path) -> None:
    stop = {"_target_": f"{__name__}.StopInEpoch3"}
    with pytest.raises(JobStoppedError):
        run(tmp_path, callbacks={"last": last_checkpoint(tmp_path), "stop": stop})
    checkpoint = read_checkpoint(tmp_path / "last.ckpt")
    assert checkpoint is not None
    assert checkpoint["epoch"] == 2


def test_a_full_disk_ends_the_job_with_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "last.ckpt").touch()  # so that the thread is the one who meets it
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UnwritableFileError, match=r"last\.ckpt: No space left on device"):
        run(tmp_path, callbacks={"last": last_checkpoint(tmp_path)})
