"""The config values that a suggestion changes."""

from typing import Any

import pytest
from omegaconf import OmegaConf
from tests.tuning.tuned_config import config

from sigtune.errors import Problem, UsageError
from sigtune.tuning.common_experiments import SigOptSGDOneCycleLRExperiment, SigOptSGDStepLRExperiment
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.suggested_values import Point, changed_values, refused_values

MAX_LR = {"name": "max_lr", "type": "double", "bounds": {"min": 0.01, "max": 1.5}}


def test_changed_values_are_those_the_suggestion_sets_and_the_config_is_left_alone() -> None:
    before = config()
    untouched = before.copy()
    point = Point({"max_lr": 0.5, "pct_start": 0.1, "weight_decay": 1e-05})
    assert changed_values(before, SigOptSGDOneCycleLRExperiment(), point) == {
        "scheduler.max_lr": 0.5,
        "scheduler.pct_start": 0.1,
        "optimizer.weight_decay": 1e-05,
    }
    assert before == untouched
    assert OmegaConf.is_missing(before.scheduler, "max_lr")


def test_an_interpolation_of_a_tuned_key_is_no_change_of_its_own() -> None:
    changes = changed_values(config(), SigOptSGDOneCycleLRExperiment(), Point({"max_lr": 0.5}))
    assert set(changes) == {"scheduler.max_lr"}


def test_a_read_only_config_gives_its_changed_values_and_stays_read_only() -> None:
    before = config()
    OmegaConf.set_readonly(before, True)
    changes = changed_values(before, SigOptSGDOneCycleLRExperiment(), Point({"max_lr": 0.5}))
    assert changes == {"scheduler.max_lr": 0.5}
    assert OmegaConf.is_readonly(before)


def test_a_value_that_changes_only_its_type_is_a_change() -> None:
    changes = changed_values(config(), SigOptExperiment(), Point({"trainer.max_epochs": 30.0}))
    assert changes == {"trainer.max_epochs": 30.0}
    assert type(changes["trainer.max_epochs"]) is float


def test_a_key_that_was_not_there_is_a_change() -> None:
    cfg = config(sigopt={})
    changes = changed_values(cfg, SigOptSGDOneCycleLRExperiment(), Point({"cycle_momentum": "false"}))
    assert changes == {"scheduler.cycle_momentum": False}


def test_a_value_that_does_not_fit_its_key_is_an_error_with_that_key() -> None:
    cfg = config()
    OmegaConf.set_struct(cfg, True)
    with pytest.raises(UsageError) as error:
        changed_values(cfg, SigOptSGDOneCycleLRExperiment(), Point({"cycle_momentum": "false"}))
    (problem,) = error.value.problems
    assert problem.key == "scheduler.cycle_momentum"


def test_what_is_refused_at_both_ends_of_the_space_is_told_once() -> None:
    cfg = config()
    cfg.scheduler["_target_"] = "torch.optim.lr_scheduler.StepLR"
    problems = refused_values(cfg, SigOptSGDOneCycleLRExperiment(), [MAX_LR])
    assert [problem.key for problem in problems] == ["sigopt.experiment_class"]


def test_what_is_refused_of_a_parameter_s_last_value_only_is_told() -> None:
    epochs = {"name": "step_size", "type": "double", "grid": [1.0, -2.5]}
    cfg = config(scheduler={"_target_": "torch.optim.lr_scheduler.StepLR", "step_size": "???"})
    (problem,) = refused_values(cfg, SigOptSGDStepLRExperiment(), [epochs])
    assert (problem.key, problem.what[:4]) == ("sigopt.parameters.step_size", "-2.5")


@pytest.mark.parametrize(
    "space",
    [
        {"type": "int", "bounds": {"min": 1.0, "max": 9.0}},
        {"type": "int", "grid": [1, 2, 9]},
        {"type": "double", "grid": [1.0, 9.0]},
        {"type": "categorical", "categorical_values": ["1", "9"]},
    ],
    ids=["int bounds", "int grid", "double grid", "categories"],
)
def test_values_of_a_parameter_of_any_kind_are_tried(space: dict[str, Any]) -> None:
    assert refused_values(config(), SigOptExperiment(), [{"name": "trainer.max_epochs", **space}]) == []


class RefusesTheMiddle(SigOptExperiment):
    def update_config_with_suggestion(self, config: Any, suggestion: Any) -> None:
        super().update_config_with_suggestion(config, suggestion)
        units = suggestion.assignments["units"]
        if 20 < units < 900:
            raise UsageError([Problem("sigopt.parameters.units", "is not near an end", "10 or 1000")])
        if suggestion.assignments["kind"] == "b":
            raise UsageError([Problem("sigopt.parameters.kind", "b is never right", "a or c")])


@pytest.mark.parametrize(("largest", "key"), [(1000, "units"), (15, "kind")])
def test_what_is_refused_between_the_ends_alone_is_found_too(largest: int, key: str) -> None:
    parameters: list[dict[str, Any]] = [
        {"name": "units", "type": "int", "bounds": {"min": 10, "max": largest}},
        {"name": "kind", "type": "categorical", "categorical_values": ["a", "b", "c"]},
    ]
    (problem,) = refused_values(config(), RefusesTheMiddle(), parameters)
    assert problem.key == f"sigopt.parameters.{key}"
