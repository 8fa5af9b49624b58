"""What the files of conf/ come to when Hydra composes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from sigtune.config.hydra_version import VERSION_BASE
from sigtune.config.schema import register_schemas

CONF = Path(__file__).parents[2] / "conf"
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
TUNED = {
    "dense_cnn_onecyclelr": ["max_lr", "div_factor", "pct_start", "weight_decay"],
    "dense_cnn_steplr": [],
    "sparse_cnn_adamw_cosine": ["log_lr", "eta_min", "weight_decay"],
    "sparse_cnn_onecyclelr": ["max_lr", "div_factor", "pct_start", "weight_decay"],
    "sparse_cnn_steplr": ["gamma", "step_size"],
    "super_sparse_cnn_onecyclelr": ["max_lr", "div_factor", "pct_start", "weight_decay"],
}
MODELS = {
    "dense_cnn_onecyclelr": "dense_cnn",
    "dense_cnn_steplr": "dense_cnn",
    "sparse_cnn_adamw_cosine": "le_sparse_net",
    "sparse_cnn_onecyclelr": "le_sparse_net",
    "sparse_cnn_steplr": "le_sparse_net",
    "super_sparse_cnn_onecyclelr": "le_super_sparse_net",
}

Compose = Callable[..., DictConfig]


@pytest.fixture(scope="module")
def composed() -> Compose:
    """Return a function that composes the app's config with overrides."""

    def run(*overrides: str) -> DictConfig:
        register_schemas()
        with initialize_config_dir(str(CONF), **VERSION_BASE):
            return compose("config", list(overrides))

    return run


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_has_the_search_and_the_model_that_it_is_of(composed: Compose, experiment: str) -> None:
    config = composed(f"experiment={experiment}")
    assert [parameter.name for parameter in config.sigopt.parameters] == TUNED[experiment]
    assert [metric.name for metric in config.sigopt.metrics] == ["mean_accuracy"]
    model = OmegaConf.to_container(composed(f"model={MODELS[experiment]}").model)
    assert OmegaConf.to_container(config.model) == model


def test_every_experiment_has_a_name_of_its_own(composed: Compose) -> None:
    names = {composed(f"experiment={experiment}").sigopt.name for experiment in EXPERIMENTS}
    assert len(names) == len(EXPERIMENTS)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_file_holds_what_is_its_own_and_no_more(experiment: str) -> None:
    lines = (CONF / "experiment" / f"{experiment}.yaml").read_text().splitlines()
    assert len(lines) < 20


def test_a_group_on_the_command_line_goes_before_the_experiments_own(composed: Compose) -> None:
    config = composed("experiment=sparse_cnn_onecyclelr", "model=dense_cnn", "sigopt=mean_accuracy")
    assert config.model._target_.endswith("DenseCNN")
    assert not config.sigopt.parameters


OWN_SEARCH = """
defaults: [mean_accuracy]
parameters:
  - {name: optimizer.weight_decay, type: double, bounds: {min: 0.1, max: 0.2}, default_value: 0.15}
"""
OWN_EXPERIMENT = """
# @package _global_
defaults: [sparse_cnn_onecyclelr, override /sigopt: mine, override /model: dense_cnn, _self_]
trainer: {max_epochs: 2}
sigopt: {name: mine}
"""


def test_a_search_and_an_experiment_of_ones_own_build_on_those_that_are_there(
    composed: Compose, tmp_path: Path
) -> None:
    for path, text in (("sigopt/mine.yaml", OWN_SEARCH), ("experiment/mine.yaml", OWN_EXPERIMENT)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    config = composed(f"hydra.searchpath=[file://{tmp_path}]", "experiment=mine")
    assert (config.sigopt.name, config.trainer.max_epochs) == ("mine", 2)
    assert [parameter.name for parameter in config.sigopt.parameters] == ["optimizer.weight_decay"]
    assert config.model._target_.endswith("DenseCNN")
    assert config.data.batch_size == 128


ADAM_UNDER_ONE_CYCLE = """
# @package _global_
defaults: [override /optimizer: adam, override /scheduler: onecyclelr, override /sigopt: default]
optimizer: {lr: 0.01, weight_decay: 0.0, betas: [0.8, 0.999]}
scheduler: {max_lr: 0.01, div_factor: 10, pct_start: 0.5, final_div_factor: 10, anneal_strategy: cos,
            cycle_momentum: true}
"""


def test_the_cycle_of_adams_first_beta_begins_with_it(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(ADAM_UNDER_ONE_CYCLE.lstrip())
    register_schemas()
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = compose("config", ["experiment=mine", f"hydra.searchpath=[file://{tmp_path}]"])
    assert config.scheduler.max_momentum == 0.8
