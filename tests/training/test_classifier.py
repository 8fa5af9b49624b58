"""The classifier under each optimizer and scheduler of conf/."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tests.training.conftest import CONF
from tests.training.own_project import Classes

from sigtune.config.hydra_version import VERSION_BASE
from sigtune.config.schema import TrainerConfig, register_schemas
from sigtune.errors import UsageError
from sigtune.training.classifier import Classifier
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.targets import build
from sigtune.training.trainer import build_trainer

OPTIMIZERS = sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml") if path.stem != "none")
SCHEDULERS = sorted(path.stem for path in (CONF / "scheduler").glob("*.yaml"))
VALUES = {
    "steplr": ["step_size=1", "gamma=0.1"],
    "cosine": ["eta_min=0"],
    "exponential": ["gamma=0.1"],
    "reduce_on_plateau": ["factor=0.1", "patience=0", "threshold=1e9", "frequency=2"],
    "none": [],
}
# The rate after two epochs, from 0.1 on.
RATES = {"steplr": 0.001, "cosine": 0.0, "exponential": 0.001, "reduce_on_plateau": 0.01, "none": 0.1}


def classifier(optimizer: str, scheduler: str, *overrides: str) -> Classifier:
    register_schemas()
    values = [f"scheduler.{value}" for value in VALUES[scheduler]]
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = compose(
            "config",
            [
                "~experiment",
                f"optimizer={optimizer}",
                f"scheduler={scheduler}",
                "optimizer.lr=0.1",
                "optimizer.weight_decay=0",
                *(["optimizer.momentum=0"] if optimizer == "sgd" else []),
                *values,
                "trainer.max_epochs=2",
                *overrides,
            ],
        )
    config.model = {"_target_": "torch.nn.Linear", "in_features": 4, "out_features": 2}
    built = build("module", OmegaConf.to_container(config.module, resolve=True))
    assert isinstance(built, Classifier)
    return built


def rates(module: Classifier, folder: Path | None = None) -> list[float]:
    """Train two epochs; return the learning rate after each."""
    trainer = build_trainer(TrainerConfig(max_epochs=2, log_every_n_steps=1), {}, None, False, [])
    with without_known_warnings():
        trainer.fit(module, datamodule=Classes())
    if folder is not None:
        trainer.save_checkpoint(folder / "last.ckpt")
    return [group["lr"] for group in trainer.optimizers[0].param_groups]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains(optimizer: str) -> None:
    module = classifier(optimizer, "none")
    before = module.get_parameter("model.weight").clone()
    assert rates(module) == [0.1]
    assert not before.equal(module.get_parameter("model.weight"))


def test_every_scheduler_is_tried() -> None:
    assert {*RATES, "onecyclelr"} == set(SCHEDULERS)  # the experiments train with the latter


@pytest.mark.parametrize("scheduler", RATES)
def test_a_scheduler_sets_the_rate(scheduler: str) -> None:
    assert rates(classifier("sgd", scheduler)) == pytest.approx([RATES[scheduler]], abs=1e-6)


def test_a_plateau_is_looked_for_as_often_as_it_is_said() -> None:
    module = classifier("sgd", "reduce_on_plateau", "scheduler.frequency=1")
    assert rates(module) == pytest.approx([0.001])


def test_a_checkpoint_loads_without_the_config(tmp_path: Path) -> None:
    module = classifier("adamw", "cosine")
    rates(module, tmp_path)
    loaded = Classifier.load_from_checkpoint(tmp_path / "last.ckpt")
    assert loaded.get_parameter("model.weight").equal(module.get_parameter("model.weight"))
    assert loaded.hparams["optimizer"]["_target_"] == "torch.optim.AdamW"


@pytest.mark.parametrize("place", ["model", "optimizer", "scheduler"])
def test_a_checkpoint_that_names_another_function_runs_nothing(tmp_path: Path, place: str) -> None:
    file, marker = tmp_path / "last.ckpt", tmp_path / "was-run"
    rates(classifier("adamw", "cosine"), tmp_path)
    content = torch.load(file, weights_only=True)
    content["hyper_parameters"][place]["extra"] = {"_target_": "os.mkdir", "path": str(marker)}
    torch.save(content, file)
    with pytest.raises(UsageError, match=rf"{place}\._target_=os\.mkdir"):
        Classifier.load_from_checkpoint(file)
    assert not marker.exists()


@pytest.mark.parametrize("setting", ["interval=hour", "monitor=val_loss", "frequency=0"])
def test_a_wrong_setting_of_when_to_step_is_refused(setting: str) -> None:
    with pytest.raises(Exception, match=rf"scheduler\.{setting}") as error:
        classifier("sgd", "reduce_on_plateau", f"scheduler.{setting}")
    # Hydra 1.3 wraps what a class raises, and 1.4 does not.
    assert UsageError in {type(error.value), type(error.value.__cause__)}
