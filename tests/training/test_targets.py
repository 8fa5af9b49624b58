"""A class that the config names: of the right type for its place, with arguments that it takes."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from omegaconf import OmegaConf
from tests.training.conftest import CONF

from sigtune.config.schema import Config, TrainerConfig
from sigtune.errors import UsageError
from sigtune.training import targets
from sigtune.training.targets import build, target_problems
from sigtune.training.train import train

OWN = "tests.training.own_project"
MODULE = {"_target_": f"{OWN}.Regression", "hidden": 4}


def problems(**sections: Any) -> list[tuple[str, str, str]]:
    found = target_problems({"module": MODULE, **sections})
    return [(problem.key, problem.what, problem.remedy) for problem in found]


def config(**module: Any) -> Config:
    return Config(
        data={"_target_": f"{OWN}.Squares"},
        module={**MODULE, **module},
        model=None,
        optimizer=None,
        scheduler=None,
        trainer=TrainerConfig(max_epochs=2, log_every_n_steps=1),
    )


def test_a_module_of_ones_own_trains_with_its_own_steps_optimizer_metrics_and_data() -> None:
    metrics = train(config())
    assert set(metrics) == {"val_loss"}
    assert train(config()) == metrics
    assert train(config(learning_rate=0.001)) != metrics


def test_right_classes_are_not_complained_about() -> None:
    assert problems(data={"_target_": f"{OWN}.Squares", "batch_size": "???"}) == []
    assert problems(callbacks={"stop": {"_target_": "pytorch_lightning.callbacks.ModelSummary"}}) == []
    assert problems(module={"_target_": f"{OWN}.make_regression", "hidden": 3}) == []


@pytest.mark.parametrize(
    ("group", "target", "what", "remedy"),
    [
        (
            "module",
            "torch.nn.Linear",
            "is an nn.Module, not a LightningModule",
            "model._target_=torch.nn.Linear",
        ),
        (
            "model",
            f"{OWN}.Regression",
            "is a LightningModule, not an nn.Module",
            f"module._target_={OWN}.Regression",
        ),
        (
            "data",
            f"{OWN}.Regression",
            "is a LightningModule, not a LightningDataModule",
            f"module._target_={OWN}.Regression",
        ),
        ("optimizer", "datetime.date", "is date, not an optimizer", "the import path of an optimizer"),
        (
            "scheduler",
            "torch.optim.Adam",
            "is an optimizer, not a learning-rate scheduler",
            "optimizer._target_=torch.optim.Adam",
        ),
        (
            "logger",
            "torch.optim.Adam",
            "is an optimizer, not a logger",
            "optimizer._target_=torch.optim.Adam",
        ),
        ("data", "math.pi", "is not a class", "the import path of a LightningDataModule"),
        (
            "data",
            f"{OWN}.make_net",
            "makes an nn.Module, not a LightningDataModule",
            "the import path of a LightningDataModule",
        ),
    ],
)
def test_a_class_in_the_wrong_place_is_refused_with_the_right_place(
    group: str, target: str, what: str, remedy: str
) -> None:
    sections = {
        "module": {**MODULE, "hidden": "${model}${optimizer}${scheduler}"},
        group: {"_target_": target},
    }
    assert problems(**sections)[0] == (f"{group}._target_={target}", what, remedy)


def test_a_callback_that_is_no_longer_needed_is_named() -> None:
    target = "sigtune.training.callbacks.rezero_weights.RezeroWeights"
    ((key, what, remedy),) = problems(callbacks={"zeros": {"_target_": target}})
    assert (key, remedy) == (f"callbacks.zeros._target_={target}", "leave out callbacks.zeros")
    assert what.startswith("is no longer needed")


def test_a_class_that_is_not_there_is_refused_with_the_reason() -> None:
    ((key, what, _),) = problems(module={"_target_": f"{OWN}.Regresion"})
    assert key == f"module._target_={OWN}.Regresion"
    assert what.startswith("cannot be imported")
    assert "Regresion" in what


def test_a_script_that_ends_the_program_when_it_is_imported_is_refused() -> None:
    ((key, what, _),) = problems(module={"_target_": "tests.training.script.Net"})
    assert key == "module._target_=tests.training.script.Net"
    assert what.startswith("cannot be imported: importing it ends the program")


def test_arguments_are_found_by_the_signature() -> None:
    assert problems(module={**MODULE, "lerning_rate": 3}) == [
        ("module.lerning_rate", f"{OWN}.Regression has no such argument", "learning_rate")
    ]
    assert problems(module={"_target_": f"{OWN}.make_regression"}) == [
        ("module.hidden", f"{OWN}.make_regression needs it", "module.hidden=…")
    ]


def test_values_are_found_by_the_annotations_and_nested_sections_by_their_own_signatures() -> None:
    assert problems(module={**MODULE, "hidden": "abc", "learning_rate": True}) == [
        ("module.hidden=abc", "expected an integer, e.g. module.hidden=1", ""),
        ("module.learning_rate=True", "expected a number, e.g. module.learning_rate=0.1", ""),
    ]
    linear = {"_target_": "torch.nn.Linear", "in_features": 1, "out_features": "x", "bia": True}
    net = {"_target_": "torch.nn.Sequential", "_args_": [linear]}
    assert problems(module={**MODULE, "hidden": net}) == [
        ("module.hidden._args_[0].bia", "torch.nn.Linear has no such argument", "bias"),
        (
            "module.hidden._args_[0].out_features=x",
            "expected an integer, e.g. module.hidden._args_[0].out_features=1",
            "",
        ),
    ]


def test_lists_mappings_and_choices_are_found_by_the_annotations() -> None:
    choosy = {"_target_": f"{OWN}.make_choosy", "units": [4], "mode": "sum", "options": {"a": 1}}
    assert problems(module=choosy) == []
    assert problems(module={**choosy, "units": 4, "mode": "sun", "options": [1]}) == [
        ("module.units=4", "expected a list, e.g. module.units=[1,2]", ""),
        ("module.mode=sun", "no such choice", "sum"),
        ("module.options=…", "expected a mapping, e.g. module.options={a:1}", ""),
    ]


def test_a_section_that_names_no_class_is_refused() -> None:
    assert problems(data={"batch_size": 3}) == [
        ("data", "names no class", "data._target_=…, a LightningDataModule")
    ]
    assert problems(module=None)[0][:2] == ("module", "is none")


def test_a_model_or_optimizer_that_the_module_does_not_take_is_refused() -> None:
    model = {"_target_": "torch.nn.Identity"}
    assert problems(model=model) == [("model", f"is not used by module {OWN}.Regression", "model=none")]
    assert problems(model=model, module={**MODULE, "hidden": "${model}"}) == []


def test_an_optimizer_is_partial() -> None:
    module = {**MODULE, "hidden": "${optimizer}"}
    found = problems(module=module, optimizer={"_target_": "torch.optim.RAdam", "lr": 0.1})
    assert found == [("optimizer._partial_", "its parameters come later", "optimizer._partial_=true")]


def test_a_function_that_makes_something_else_is_refused_when_it_is_called() -> None:
    with pytest.raises(UsageError, match=r"makes an nn.Module, not a LightningModule"):
        build("module", {"_target_": f"{OWN}.make_net"})
    assert isinstance(build("module", MODULE), pl.LightningModule)


@pytest.mark.parametrize(
    ("name", "package"),
    [("TensorBoardLogger", "tensorboard"), ("MLFlowLogger", "mlflow"), ("WandbLogger", "wandb")],
)
def test_a_logger_whose_package_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setattr(targets, "find_spec", lambda _: None)
    logger = {"_target_": f"pytorch_lightning.loggers.{name}", "save_dir": "."}
    assert problems(logger={package: logger}) == [
        (
            f"logger.{package}._target_=pytorch_lightning.loggers.{name}",
            f"needs {package}, which is not installed",
            f"pip install 'sigtune[{package}]'",
        )
    ]


@pytest.mark.parametrize(
    "path", sorted([*CONF.glob("callbacks/*.yaml"), *CONF.glob("logger/*.yaml")]), ids=str
)
def test_the_callbacks_and_loggers_of_conf_are_right(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "find_spec", lambda _: True)
    section = {} if path.stem == "none" else OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert problems(**{path.parent.name: section}) == []
