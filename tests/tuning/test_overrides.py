"""A suggestion as Hydra overrides of ordinary config keys."""

import math

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from sigtune.errors import UsageError
from sigtune.tuning.common_experiments import SigOptSGDOneCycleLRExperiment
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.overrides import Point, as_overrides, changed_values, tuned_keys, unread_parameters

MAX_LR = {"name": "max_lr", "type": "double", "bounds": {"min": 0.01, "max": 1.5}}
PCT_START = {"name": "pct_start", "type": "double", "bounds": {"min": 0.03, "max": 0.15}}
WEIGHT_DECAY = {"name": "weight_decay", "type": "double", "grid": [1e-5, 1e-3]}


def config(**changes):
    return OmegaConf.create(
        {
            "optimizer": {
                "_target_": "torch.optim.SGD",
                "lr": "${scheduler.max_lr}",
                "momentum": 0.0,
                "weight_decay": "???",
            },
            "scheduler": {
                "_target_": "torch.optim.lr_scheduler.OneCycleLR",
                "max_lr": "???",
                "pct_start": "???",
            },
            "trainer": {"max_epochs": 30},
            **changes,
        }
    )


AWKWARD = [
    0,
    -3,
    7,
    10**18,
    1e-05,
    0.1 + 0.2,
    2.0,
    -1.5e300,
    math.inf,
    -math.inf,
    True,
    False,
    None,
    "",
    " ",
    " leading and trailing ",
    "word",
    "true",
    "null",
    "None",
    "1",
    "1e-05",
    "nan",
    "it's",
    'say "so"',
    "'quoted'",
    "both ' and \"",
    "a,b",
    "a:b",
    "a=b",
    "{a: 1}",
    "[1,2]",
    "choice(1,2)",
    "${not.an.interpolation",
    "back\\slash",
    "ends with \\",
    "two \\\\ at once",
    "\\'",
    "naïve ½ 速",
    "~/data",
    "#comment",
    "100 %",
    [],
    [1, 2.5, "three", None, True],
    [[1], ["a,b"]],
    ["it's", "\\"],
    {},
    {"a": 1, "b": "x:y"},
    {"nested": {"list": [1, {"deep": "it's"}]}},
]


@pytest.mark.parametrize("value", AWKWARD, ids=repr)
def test_hydra_reads_an_override_back_as_the_same_value(value):
    (text,) = as_overrides({"section.key": value})
    override = OverridesParser.create().parse_override(text)
    assert override.key_or_group == "section.key"
    assert not override.is_sweep_override()
    read = override.value()
    assert read == value
    assert type(read) is type(value)


def test_not_a_number_survives_the_override():
    (text,) = as_overrides({"key": math.nan})
    assert math.isnan(OverridesParser.create().parse_override(text).value())


def test_each_value_is_one_override_in_the_order_given():
    assert as_overrides({"b.x": 1, "a": 0.5}) == ["b.x=1", "a=0.5"]


def test_changed_values_are_those_the_suggestion_sets_and_the_config_is_left_alone():
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


def test_an_interpolation_of_a_tuned_key_is_no_change_of_its_own():
    changes = changed_values(config(), SigOptSGDOneCycleLRExperiment(), Point({"max_lr": 0.5}))
    assert set(changes) == {"scheduler.max_lr"}


def test_a_read_only_config_gives_its_changed_values_and_stays_read_only():
    before = config()
    OmegaConf.set_readonly(before, True)
    changes = changed_values(before, SigOptSGDOneCycleLRExperiment(), Point({"max_lr": 0.5}))
    assert changes == {"scheduler.max_lr": 0.5}
    assert OmegaConf.is_readonly(before)


def test_a_value_that_changes_only_its_type_is_a_change():
    changes = changed_values(config(), SigOptExperiment(), Point({"trainer.max_epochs": 30.0}))
    assert changes == {"trainer.max_epochs": 30.0}
    assert type(changes["trainer.max_epochs"]) is float


def test_a_key_that_was_not_there_is_a_change():
    cfg = config(sigopt={})
    changes = changed_values(cfg, SigOptSGDOneCycleLRExperiment(), Point({"cycle_momentum": "false"}))
    assert changes == {"scheduler.cycle_momentum": False}


def test_a_value_that_does_not_fit_its_key_is_an_error_with_that_key():
    cfg = config()
    OmegaConf.set_struct(cfg, True)
    with pytest.raises(UsageError) as error:
        changed_values(cfg, SigOptSGDOneCycleLRExperiment(), Point({"cycle_momentum": "false"}))
    (problem,) = error.value.problems
    assert problem.key == "scheduler.cycle_momentum"


def test_tuned_keys_are_the_config_keys_behind_the_parameters():
    keys, problems = tuned_keys(config(), SigOptSGDOneCycleLRExperiment(), [MAX_LR, PCT_START, WEIGHT_DECAY])
    assert keys == {"scheduler.max_lr", "scheduler.pct_start", "optimizer.weight_decay"}
    assert problems == []


@pytest.mark.parametrize("value", [0.01, 1.5])
def test_a_key_whose_value_equals_an_end_of_its_bounds_counts_as_tuned(value):
    cfg = config()
    cfg.scheduler.max_lr = value
    keys, _ = tuned_keys(cfg, SigOptSGDOneCycleLRExperiment(), [MAX_LR])
    assert keys == {"scheduler.max_lr"}


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
def test_a_parameter_of_any_kind_leads_to_its_key(space):
    keys, problems = tuned_keys(config(), SigOptExperiment(), [{"name": "trainer.max_epochs", **space}])
    assert (keys, problems) == ({"trainer.max_epochs"}, [])


def test_a_problem_met_at_both_ends_of_the_space_is_told_once():
    cfg = config()
    cfg.scheduler["_target_"] = "torch.optim.lr_scheduler.StepLR"
    keys, problems = tuned_keys(cfg, SigOptSGDOneCycleLRExperiment(), [MAX_LR])
    assert keys == set()
    assert [problem.key for problem in problems] == ["sigopt.experiment_class"]


def test_a_parameter_that_nothing_reads_is_found():
    parameters = [MAX_LR, {**PCT_START, "name": "pct_strat"}, WEIGHT_DECAY]
    assert unread_parameters(config(), SigOptSGDOneCycleLRExperiment(), parameters) == ["pct_strat"]


def test_a_parameter_named_like_a_config_key_needs_no_mixin():
    parameters = [{**MAX_LR, "name": "scheduler.max_lr"}, MAX_LR]
    assert unread_parameters(config(), SigOptExperiment(), parameters) == ["max_lr"]
