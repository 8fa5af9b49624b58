"""What a training leaves in its folder for pictures: curves by epoch, and a classifier's confusion matrix."""

import csv
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from sigtune.config.schema import TrainerConfig
from sigtune.report.confusion import read_confusions
from sigtune.report.logged_curves import read_curves
from sigtune.training.callbacks.confusion_matrix import ConfusionMatrix
from sigtune.training.callbacks.learning_curves import LearningCurves
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.trainer import build_trainer


class Counting(pl.LightningModule):
    """Logs the epoch as `passed` in training, and ten times the epoch as `checked` in validation.

    Every input is its own class; what is below 2 is taken for what it is, anything else for class 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(1, 3)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        self.log("passed", float(self.current_epoch), on_step=False, on_epoch=True, batch_size=len(batch[1]))
        return functional.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        self.log("checked", 10.0 * self.current_epoch, batch_size=len(batch[1]))
        return torch.where(batch[1] < 2, batch[1], 0)

    test_step = validation_step

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)]


def batches() -> DataLoader[tuple[Tensor, ...]]:
    classes = torch.tensor([0, 1, 2, 2, 1, 2])
    return DataLoader(TensorDataset(classes[:, None].float(), classes), batch_size=4)


def _logger(name: str, folder: Path) -> dict[str, Any]:
    return {"_target_": f"pytorch_lightning.loggers.{name}", "save_dir": str(folder), "name": "metrics"}


def fit(
    folder: Path,
    epochs: int,
    logger: str = "none",
    validate_every: int = 1,
    checkpoint: Path | None = None,
    module: pl.LightningModule | None = None,
) -> pl.Trainer:
    loggers = {
        "none": None,
        "csv": _logger("CSVLogger", folder),
        "tensorboard": _logger("TensorBoardLogger", folder),
    }
    config = TrainerConfig(max_epochs=epochs, log_every_n_steps=1, check_val_every_n_epoch=validate_every)
    own = [LearningCurves(folder), ConfusionMatrix(folder)]
    trainer = build_trainer(config, {}, loggers[logger], False, own)
    with without_known_warnings():
        trainer.fit(module or Counting(), batches(), batches(), ckpt_path=checkpoint, weights_only=True)
    return trainer


@pytest.mark.parametrize("logger", ["none", "csv", "tensorboard"])
def test_every_metric_and_learning_rate_is_kept_whatever_the_logger(tmp_path: Path, logger: str) -> None:
    fit(tmp_path, 3, logger)
    curves = read_curves(tmp_path)
    assert curves is not None
    assert (curves.along, curves.positions) == ("epoch", [0, 1, 2])
    assert curves.metrics == {"checked": [0, 10, 20], "passed": [0, 1, 2], "lr-SGD": [0.1, 0.1, 0.05]}


def test_every_group_of_every_optimizer_has_its_rate_by_the_name_that_the_logs_have(tmp_path: Path) -> None:
    class Grouped(Counting):
        def configure_optimizers(self) -> Any:
            weight, bias = self.parameters()
            groups: list[dict[str, Any]] = [{"params": [weight]}, {"params": [bias], "lr": 0.2}]
            groups[1]["name"] = "bias"
            return torch.optim.SGD(groups, lr=0.1)

    fit(tmp_path, 2, module=Grouped())
    curves = read_curves(tmp_path)
    assert curves is not None
    rates = {name: values for name, values in curves.metrics.items() if name.startswith("lr-")}
    assert rates == {"lr-SGD/pg1": [0.1, 0.1], "lr-SGD/bias": [0.2, 0.2]}


def test_an_epoch_without_validation_has_no_value_of_it(tmp_path: Path) -> None:
    fit(tmp_path, 4, validate_every=2)
    curves = read_curves(tmp_path)
    assert curves is not None
    assert curves.metrics["passed"] == [0, 1, 2, 3]
    assert curves.metrics["checked"] == [None, 10, None, 30]


def test_a_resumed_job_keeps_the_epochs_before_and_a_new_one_begins_again(tmp_path: Path) -> None:
    checkpoint = tmp_path / "two.ckpt"
    fit(tmp_path, 2).save_checkpoint(checkpoint)
    with (tmp_path / "curves.csv").open("a") as file:
        csv.writer(file).writerow([2, 6, 99, 99])  # a third epoch, which was killed before its checkpoint
    fit(tmp_path, 4, checkpoint=checkpoint)
    curves = read_curves(tmp_path)
    assert curves is not None
    assert curves.metrics["passed"] == [0, 1, 2, 3]
    fit(tmp_path, 1)
    again = read_curves(tmp_path)
    assert again is not None
    assert again.positions == [0]


def test_where_the_best_epoch_is_reported_the_confusion_matrix_is_its_own(tmp_path: Path) -> None:
    best = {
        "_target_": "pytorch_lightning.callbacks.ModelCheckpoint",
        "dirpath": str(tmp_path),
        "monitor": "checked",
        "mode": "min",
    }
    own = [ConfusionMatrix(tmp_path, of_best=True)]
    trainer = build_trainer(
        TrainerConfig(max_epochs=3, log_every_n_steps=1), {"best": best}, None, False, own
    )
    with without_known_warnings():
        trainer.fit(Counting(), batches(), batches())
    [matrix] = read_confusions(tmp_path)
    assert matrix["title"] == "Confusion matrix: validation, epoch 0"  # `checked` only grows


def test_the_confusion_matrices_are_those_of_the_last_validation_and_of_the_test(tmp_path: Path) -> None:
    trainer = fit(tmp_path, 2)
    [matrix] = read_confusions(tmp_path)
    assert matrix["title"] == "Confusion matrix: validation, epoch 1"
    assert matrix["classes"] == ["0", "1", "2"]
    assert matrix["counts"] == [[1, 0, 0], [0, 2, 0], [3, 0, 0]]
    with without_known_warnings():
        trainer.test(Counting(), batches(), verbose=False)
    validated, tested = read_confusions(tmp_path)
    assert validated == matrix
    assert tested["title"] == "Confusion matrix: test"
    assert tested["counts"] == matrix["counts"]
