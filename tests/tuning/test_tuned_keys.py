"""Which config keys the parameters of a search set."""

from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from tests.tuning.tuned_config import config

from sigtune.tuning.common_experiments import SigOptSGDOneCycleLRExperiment, SigOptSGDStepLRExperiment
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.one_cycle_lr import OneCycleLRParams
from sigtune.tuning.mixins.sgd import SGDParams
from sigtune.tuning.mixins.step_lr import StepLRParams
from sigtune.tuning.suggested_values import Point, changed_values
from sigtune.tuning.tuned_keys import declared_keys, tuned_keys

MAX_LR: dict[str, Any] = {"name": "max_lr", "type": "double", "bounds": {"min": 0.01, "max": 1.5}}
PCT_START: dict[str, Any] = {"name": "pct_start", "type": "double", "bounds": {"min": 0.03, "max": 0.15}}
WEIGHT_DECAY: dict[str, Any] = {"name": "weight_decay", "type": "double", "grid": [1e-5, 1e-3]}


class WarmupParams(SigOptExperiment):
    """A mixin of a user's own, which declares nothing."""

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        super().update_config_with_suggestion(config, suggestion)
        if "warmup_epochs" in suggestion.assignments:
            config.scheduler.warmup = 2 * suggestion.assignments["warmup_epochs"]


class WarmupExperiment(WarmupParams, SigOptSGDOneCycleLRExperiment):
    """The user's mixin together with those that come with sigtune."""


def test_the_keys_are_those_that_the_mixins_declare() -> None:
    tuned = tuned_keys(config(), SigOptSGDOneCycleLRExperiment, [MAX_LR, PCT_START, WEIGHT_DECAY])
    assert tuned.keys == {"scheduler.max_lr", "scheduler.pct_start", "optimizer.weight_decay"}
    assert (list(tuned.unused), list(tuned.conflicts)) == ([], [])


def test_a_parameter_of_two_mixins_sets_the_key_of_each() -> None:
    keys = declared_keys(SigOptSGDOneCycleLRExperiment)
    assert keys["momentum"] == {"optimizer.momentum", "scheduler.max_momentum"}


def test_a_parameter_named_like_a_config_key_needs_no_mixin() -> None:
    tuned = tuned_keys(config(), SigOptExperiment, [{**MAX_LR, "name": "scheduler.max_lr"}, MAX_LR])
    assert tuned.keys == {"scheduler.max_lr"}
    assert list(tuned.unused) == ["max_lr"]


def test_a_parameter_that_nothing_reads_is_unused() -> None:
    parameters = [MAX_LR, {**PCT_START, "name": "pct_strat"}, WEIGHT_DECAY]
    assert list(tuned_keys(config(), SigOptSGDOneCycleLRExperiment, parameters).unused) == ["pct_strat"]


def test_two_parameters_that_set_the_same_key_are_in_conflict() -> None:
    parameters = [MAX_LR, {**MAX_LR, "name": "scheduler.max_lr"}]
    (problem,) = tuned_keys(config(), SigOptSGDOneCycleLRExperiment, parameters).conflicts
    assert problem.key == "sigopt.parameters.scheduler.max_lr"
    assert problem.what == "tuned together with max_lr, and both set scheduler.max_lr"


@pytest.mark.parametrize("value", [0.01, 1.5, "???"])
def test_the_keys_of_an_undeclared_mixin_are_observed_whatever_value_they_have(value: Any) -> None:
    warmup: dict[str, Any] = {"name": "warmup_epochs", "type": "int", "bounds": {"min": 1, "max": 3}}
    cfg = config()
    cfg.scheduler.max_lr = value
    cfg.scheduler.warmup = 2
    unread: dict[str, Any] = {**MAX_LR, "name": "pct_strat"}
    tuned = tuned_keys(cfg, WarmupExperiment, [MAX_LR, warmup, unread])
    assert tuned.keys == {"scheduler.max_lr", "scheduler.warmup"}
    assert list(tuned.unused) == ["pct_strat"]


ASSIGNMENTS: dict[str, Any] = {
    "log_lr": -2.0,
    "momentum": 0.5,
    "weight_decay": 0.25,
    "max_lr": 0.75,
    "div_factor": 31.0,
    "final_div_factor": 3.5,
    "init_lr": 0.125,
    "cycle_momentum": "false",
    "pct_start": 0.4,
    "gamma": 0.3,
    "step_size": 7,
}


@pytest.mark.parametrize(
    ("klass", "scheduler", "mixins"),
    [
        (SigOptSGDOneCycleLRExperiment, "OneCycleLR", (SGDParams, OneCycleLRParams)),
        (SigOptSGDStepLRExperiment, "StepLR", (SGDParams, StepLRParams)),
    ],
)
def test_every_parameter_sets_the_keys_that_are_declared_for_it_and_no_other(
    klass: type[SigOptExperiment], scheduler: str, mixins: tuple[type[Any], ...]
) -> None:
    cfg = OmegaConf.create(
        {
            "optimizer": {"_target_": "torch.optim.SGD"},
            "scheduler": {"_target_": f"torch.optim.lr_scheduler.{scheduler}", "max_lr": 0.5},
            "trainer": {"max_epochs": 30},
        }
    )
    for name in {name for mixin in mixins for name in mixin.sets}:
        changes = changed_values(cfg, klass(), Point({name: ASSIGNMENTS[name]}))
        assert changes.keys() == declared_keys(klass)[name]
