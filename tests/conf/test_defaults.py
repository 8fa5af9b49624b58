"""A default of a data set, a model, an optimizer, a scheduler or the trainer stands in one place only."""

from __future__ import annotations

import inspect
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_class
from omegaconf import MISSING, OmegaConf

from sigtune.config import schema
from sigtune.data.speech_commands import SpeechCommands
from sigtune.data.synthetic_commands import SyntheticCommands

CONF = Path(__file__).parents[2] / "conf"
SCHEMAS: dict[str, type[Any]] = {
    "config": schema.Config,
    "data/synthetic_commands": schema.SyntheticCommandsConfig,
    "data/synthetic_digits": schema.SyntheticCommandsConfig,
    "data/speech_commands": schema.SpeechCommandsConfig,
    "data/gsc_digits": schema.SpeechCommandsConfig,
    "module/classifier": schema.ClassifierConfig,
    "model/sparse_cnn": schema.SparseCNNConfig,
    "model/gsc_sparse_cnn": schema.SparseCNNConfig,
    "model/le_sparse_net": schema.SparseCNNConfig,
    "model/le_super_sparse_net": schema.SparseCNNConfig,
    "model/dense_cnn": schema.DenseCNNConfig,
    "optimizer/sgd": schema.SGDConfig,
    "optimizer/adam": schema.AdamConfig,
    "optimizer/adamw": schema.AdamWConfig,
    "scheduler/onecyclelr": schema.OneCycleLRConfig,
    "scheduler/steplr": schema.StepLRConfig,
    "scheduler/cosine": schema.CosineConfig,
    "scheduler/exponential": schema.ExponentialConfig,
    "scheduler/reduce_on_plateau": schema.ReduceOnPlateauConfig,
    "sigopt/default": schema.SigOptConfig,
    "trainer/default": schema.TrainerConfig,
}


def defaults_of(config: type[Any]) -> dict[str, Any]:
    return {
        field.name: field.default for field in fields(config) if field.default not in (NO_DEFAULT, MISSING)
    }


def test_every_file_of_these_groups_is_looked_at() -> None:
    groups = ("data", "module", "model", "optimizer", "scheduler", "trainer")
    files = {f"{group}/{path.stem}" for group in groups for path in (CONF / group).glob("*.yaml")}
    files -= {f"{group}/none" for group in groups}  # they hold no values
    assert files == {name for name in SCHEMAS if "/" in name} - {"sigopt/default"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_file_does_not_repeat_what_the_schema_says(name: str) -> None:
    defaults = defaults_of(SCHEMAS[name])
    values = OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))
    assert isinstance(values, dict)
    assert [key for key, value in values.items() if key in defaults and defaults[key] == value] == []


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name.startswith(("data/", "model/"))])
def test_a_class_leaves_to_the_schema_what_is_in_it(name: str) -> None:
    config = SCHEMAS[name]
    parameters = inspect.signature(get_class(config._target_)).parameters
    names = {field.name for field in fields(config)} - {"_target_"}
    assert names <= parameters.keys()
    assert [name for name in names if parameters[name].default is not inspect.Parameter.empty] == []


@pytest.mark.parametrize("source", [SyntheticCommands, SpeechCommands])
def test_a_data_set_has_no_defaults_of_its_own(source: type[Any]) -> None:
    given = [parameter.default for parameter in inspect.signature(source).parameters.values()]
    assert {default for default in given if default is not inspect.Parameter.empty} <= {None}
