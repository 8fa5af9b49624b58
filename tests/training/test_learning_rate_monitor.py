"""The learning rates in the logs: the rows that Lightning's own callback writes."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from tests.training.own_project import Regression, Squares, TwoOptimizers

from sigtune.config.schema import TrainerConfig
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.trainer import build_trainer

OURS = "sigtune.training.callbacks.learning_rate_monitor.LearningRateMonitor"
LIGHTNINGS = "pytorch_lightning.callbacks.LearningRateMonitor"


class Scheduled(Regression):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def configure_optimizers(self) -> Any:
        groups: list[dict[str, Any]] = [{"params": list(self.parameters())}]
        if self.kind in ("groups", "named groups"):
            groups = [{"params": [one]} for one in self.parameters()]
        if self.kind == "named groups":
            groups[1]["name"] = "bias"
        optimizer = torch.optim.SGD(groups, lr=0.1)
        if self.kind == "unscheduled":
            return optimizer
        interval = "step" if self.kind == "step" else "epoch"
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)
        name = "rate" if self.kind == "named scheduler" else None
        return [optimizer], [{"scheduler": scheduler, "interval": interval, "name": name}]


def module_of(kind: str) -> Regression:
    return TwoOptimizers() if kind == "two optimizers" else Scheduled(kind)


def logged(callback: str, kind: str, folder: Path, every: int) -> tuple[str, pl.Trainer]:
    pl.seed_everything(0, verbose=False)
    logger = {
        "_target_": "pytorch_lightning.loggers.CSVLogger",
        "save_dir": str(folder),
        "name": "",
        "version": "",
    }
    settings = TrainerConfig(max_epochs=3, log_every_n_steps=every)
    trainer = build_trainer(settings, {"rates": {"_target_": callback}}, logger, False, [])
    with without_known_warnings():
        trainer.fit(module_of(kind), datamodule=Squares())
    return (folder / "metrics.csv").read_text(), trainer


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize(
    "kind",
    ["step", "epoch", "unscheduled", "groups", "named groups", "named scheduler", "two optimizers"],
)
def test_the_rows_are_those_of_lightnings_monitor(tmp_path: Path, kind: str, every: int) -> None:
    ours, trainer = logged(OURS, kind, tmp_path / "ours", every)
    theirs, _ = logged(LIGHTNINGS, kind, tmp_path / "theirs", every)
    assert ("rate" if kind == "named scheduler" else "lr-SGD") in ours
    assert ours == theirs
    assert not any(name.startswith("lr-") for name in trainer.callback_metrics)


def test_without_a_logger_there_is_nothing_to_do(tmp_path: Path) -> None:
    trainer = build_trainer(TrainerConfig(max_epochs=1), {"rates": {"_target_": OURS}}, None, False, [])
    with without_known_warnings():
        trainer.fit(Scheduled("step"), datamodule=Squares())
