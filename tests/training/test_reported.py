"""What a job reports: the last epoch's metrics or the best epoch's, and the test set's."""

from pathlib import Path
from typing import Any

import pytest
from tests.training.own_project import Classes

from sigtune.config.schema import Config, TrainerConfig
from sigtune.errors import UsageError
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
