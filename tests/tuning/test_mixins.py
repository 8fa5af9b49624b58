"""How each mixin writes its assignments into the config."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from sigtune.errors import Problem, UsageError
from sigtune.tuning.common_experiments import SigOptSGDOneCycleLRExperiment, SigOptSGDStepLRExperiment
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.adam import AdamParams, AdamWParams
from sigtune.tuning.mixins.cosine import CosineParams
from sigtune.tuning.mixins.exponential import ExponentialParams
from sigtune.tuning.mixins.one_cycle_lr import OneCycleLRParams, whole_epochs
from sigtune.tuning.mixins.reduce_on_plateau import ReduceOnPlateauParams
from sigtune.tuning.mixins.sgd import SGDParams
from sigtune.tuning.mixins.step_lr import StepLRParams

METHOD = "update_config_with_suggestion"


def config(scheduler: str = "OneCycleLR", optimizer: str = "SGD", **scheduler_values: Any) -> DictConfig:
    return OmegaConf.create(
        {
            "optimizer": {
                "_target_": f"torch.optim.{optimizer}",
                "lr": "???",
                "momentum": 0.0,
                "weight_decay": "???",
            },
            "scheduler": {"_target_": f"torch.optim.lr_scheduler.{scheduler}", **scheduler_values},
            "trainer": {"max_epochs": 30},
            "sigopt": {"metadata": {"max_epochs": 30}},
        }
    )


ADAM = {"log_lr": 0.0, "weight_decay": 0.5}


def suggest(_task: Any = None, **assignments: Any) -> SimpleNamespace:
    return SimpleNamespace(assignments=assignments, task=_task)


def apply(klass: type[SigOptExperiment], cfg: DictConfig, suggestion: Any) -> DictConfig:
    klass().update_config_with_suggestion(cfg, suggestion)
    return cfg


def one_cycle(_scheduler: Any = None, **assignments: Any) -> Any:
    cfg = config(**(_scheduler or {}))
    return apply(SigOptSGDOneCycleLRExperiment, cfg, suggest(**assignments)).scheduler


def step_lr(**assignments: Any) -> Any:
    return apply(SigOptSGDStepLRExperiment, config("StepLR"), suggest(**assignments)).scheduler


def only_problem(error: pytest.ExceptionInfo[UsageError]) -> Problem:
    (problem,) = error.value.problems
    return problem


def test_log_lr_sets_the_learning_rate_to_its_exponential() -> None:
    optimizer = apply(SigOptSGDOneCycleLRExperiment, config(), suggest(log_lr=-2.5)).optimizer
    assert optimizer.lr == math.exp(-2.5)


def test_momentum_and_weight_decay_go_to_the_optimizer_as_suggested() -> None:
    optimizer = apply(
        SigOptSGDStepLRExperiment, config("StepLR"), suggest(momentum=0.9, weight_decay=1e-05)
    ).optimizer
    assert (optimizer.momentum, optimizer.weight_decay) == (0.9, 1e-05)


def test_momentum_is_the_highest_momentum_of_a_one_cycle_schedule() -> None:
    assert one_cycle(momentum=0.9).max_momentum == 0.9


def test_a_step_schedule_gets_no_momentum() -> None:
    assert "max_momentum" not in step_lr(momentum=0.9)


@pytest.mark.parametrize("name", ["max_lr", "div_factor", "final_div_factor"])
def test_a_rate_or_factor_goes_to_the_one_cycle_schedule_as_suggested(name: str) -> None:
    assert one_cycle(**{name: 31.7})[name] == 31.7


def test_an_assignment_that_was_not_suggested_changes_nothing() -> None:
    before = config(max_lr=0.5, div_factor=25.0)
    assert apply(SigOptSGDOneCycleLRExperiment, before.copy(), suggest()) == before


def test_init_lr_becomes_a_division_of_the_suggested_max_lr() -> None:
    scheduler = one_cycle({"max_lr": 9.0}, max_lr=0.5, init_lr=0.02)
    assert scheduler.div_factor == 0.5 / 0.02
    assert "init_lr" not in scheduler


def test_init_lr_becomes_a_division_of_the_configured_max_lr_where_that_is_not_tuned() -> None:
    assert one_cycle({"max_lr": 0.8}, init_lr=0.02).div_factor == 0.8 / 0.02


def test_init_lr_and_div_factor_together_are_refused() -> None:
    with pytest.raises(UsageError) as error:
        one_cycle(max_lr=0.5, init_lr=0.02, div_factor=25.0)
    problem = only_problem(error)
    assert problem.key == "sigopt.parameters.init_lr"
    assert "div_factor" in problem.what
    assert problem.remedy == "tune one of the two"


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("True", True), ("false", False), ("False", False)]
)
def test_cycle_momentum_is_parsed_from_its_category(text: str, value: Any) -> None:
    assert one_cycle(cycle_momentum=text).cycle_momentum is value


@pytest.mark.parametrize("text", ["yes", "1", "", "not True", "__import__('os')"])
def test_a_cycle_momentum_that_is_neither_true_nor_false_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as error:
        one_cycle(cycle_momentum=text)
    assert only_problem(error).key == "sigopt.parameters.cycle_momentum"
    assert only_problem(error).remedy == "true or false"


@pytest.mark.parametrize(
    ("pct_start", "epochs", "expected"),
    [
        (0.1, 30, 3 / 30),
        (0.11, 30, 3 / 30),
        (0.12, 30, 4 / 30),
        (0.15, 30, 5 / 30),  # 4.5 epochs: a half rounds up, where round() would go to the even 4
        (0.25, 10, 3 / 10),  # 2.5 epochs
        (0.25, 2, 1 / 2),
        (0.03, 30, 1 / 30),
        (0.03, 10, 0.0),
        (1.0, 7, 1.0),
        (0.123, -1, 0.123),  # a run whose end is given in steps
    ],
)
def test_pct_start_is_rounded_to_whole_epochs_with_a_half_going_up(
    pct_start: float, epochs: int, expected: Any
) -> None:
    cfg = config()
    cfg.trainer.max_epochs = epochs
    scheduler = apply(SigOptSGDOneCycleLRExperiment, cfg, suggest(pct_start=pct_start)).scheduler
    assert scheduler.pct_start == expected == whole_epochs(pct_start, epochs)


def test_gamma_goes_to_the_step_schedule_as_suggested() -> None:
    assert step_lr(gamma=0.37).gamma == 0.37


@pytest.mark.parametrize(
    ("step_size", "epochs"),
    [(1, 1), (7, 7), (7.0, 7), (7.49, 7), (7.5, 8), (29.6, 30), (0.2, 1)],
)
def test_step_size_is_rounded_to_whole_epochs(step_size: float, epochs: int) -> None:
    written = step_lr(step_size=step_size).step_size
    assert written == epochs
    assert type(written) is int


@pytest.mark.parametrize("step_size", [0, -3, -0.5])
def test_a_step_size_that_is_not_above_0_is_refused(step_size: float) -> None:
    with pytest.raises(UsageError) as error:
        step_lr(step_size=step_size)
    assert only_problem(error).key == "sigopt.parameters.step_size"
    assert str(step_size) in only_problem(error).what


@pytest.mark.parametrize(
    ("mixin", "group", "target", "assignments", "written"),
    [
        (
            AdamParams,
            "optimizer",
            "Adam",
            {"log_lr": 0.0, "weight_decay": 0.5},
            {"lr": 1.0, "weight_decay": 0.5},
        ),
        (
            AdamWParams,
            "optimizer",
            "AdamW",
            {"log_lr": 0.0, "weight_decay": 0.5},
            {"lr": 1.0, "weight_decay": 0.5},
        ),
        (CosineParams, "scheduler", "CosineAnnealingLR", {"eta_min": 0.25}, {"eta_min": 0.25}),
        (ExponentialParams, "scheduler", "ExponentialLR", {"gamma": 0.25}, {"gamma": 0.25}),
        (
            ReduceOnPlateauParams,
            "scheduler",
            "ReduceLROnPlateau",
            {"factor": 0.25, "patience": 3.0},
            {"factor": 0.25, "patience": 3},
        ),
    ],
)
def test_a_mixin_writes_its_parameters_and_refuses_another_class(
    mixin: type[SigOptExperiment], group: str, target: str, assignments: Any, written: dict[str, Any]
) -> None:
    right, wrong = config(**{group: target}), config("StepLR")
    section = apply(mixin, right, suggest(**assignments))[group]
    assert {name: section[name] for name in written} == written
    with pytest.raises(UsageError, match=rf"{mixin.__name__} sets the parameters of .*{target}, but"):
        apply(mixin, wrong, suggest(**assignments))


@pytest.mark.parametrize("patience", [-1, 1.5])
def test_a_patience_that_is_not_a_whole_number_is_refused(patience: float) -> None:
    with pytest.raises(UsageError) as error:
        apply(ReduceOnPlateauParams, config("ReduceLROnPlateau"), suggest(patience=patience))
    assert only_problem(error).key == "sigopt.parameters.patience"


@pytest.mark.parametrize(
    ("klass", "scheduler", "mixin", "expected"),
    [
        (SigOptSGDOneCycleLRExperiment, "StepLR", "OneCycleLRParams", "OneCycleLR"),
        (SigOptSGDStepLRExperiment, "OneCycleLR", "StepLRParams", "StepLR"),
    ],
)
def test_a_mixin_for_another_scheduler_is_refused_by_naming_both(
    klass: type[SigOptExperiment], scheduler: str, mixin: str, expected: Any
) -> None:
    with pytest.raises(UsageError) as error:
        apply(klass, config(scheduler), suggest())
    what = only_problem(error).what
    assert mixin in what
    assert f"torch.optim.lr_scheduler.{expected}," in what
    assert what.endswith(f"scheduler is torch.optim.lr_scheduler.{scheduler}")


def test_a_mixin_for_another_optimizer_is_refused_by_naming_both() -> None:
    with pytest.raises(UsageError) as error:
        apply(SigOptSGDStepLRExperiment, config("StepLR", "Adam"), suggest())
    what = only_problem(error).what
    assert "SGDParams" in what
    assert "torch.optim.SGD," in what
    assert what.endswith("optimizer is torch.optim.Adam")


def test_the_execution_order_lists_the_base_first_and_the_leftmost_mixin_last() -> None:
    assert SigOptSGDOneCycleLRExperiment.get_execution_order()[METHOD] == [
        "SigOptExperiment",
        "OneCycleLRParams",
        "SGDParams",
    ]
    assert SigOptSGDStepLRExperiment().get_execution_order()[METHOD] == [
        "SigOptExperiment",
        "StepLRParams",
        "SGDParams",
    ]


@pytest.mark.parametrize(
    ("name", "cost", "epochs"),
    [("epochs", 0.5, 15), ("few epochs", 0.99, 29), ("1 epoch", 0.01, 1), ("epoch", 1.0, 30)],
)
def test_a_task_of_epochs_trains_its_share_of_them_and_at_least_one(
    name: str, cost: float, epochs: int
) -> None:
    task = SimpleNamespace(name=name, cost=cost)
    assert apply(SigOptExperiment, config(), suggest(task)).trainer.max_epochs == epochs


def test_a_task_that_is_not_of_epochs_leaves_their_number_alone() -> None:
    task = SimpleNamespace(name="small data", cost=0.1)
    assert apply(SigOptExperiment, config(), suggest(task)).trainer.max_epochs == 30


def test_pct_start_is_rounded_to_the_epochs_of_the_task() -> None:
    task = SimpleNamespace(name="epochs", cost=0.1)
    cfg = apply(SigOptSGDOneCycleLRExperiment, config(), suggest(task, pct_start=0.15))
    assert cfg.trainer.max_epochs == 3
    assert cfg.scheduler.pct_start == 0.0  # 0.45 epochs; of 30 epochs it would be 5/30


class WarmupParams(SigOptExperiment):
    """A mixin of a user's own."""

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        super().update_config_with_suggestion(config, suggestion)
        if "warmup_steps" in suggestion.assignments:
            config.scheduler.warmup = 100 * suggestion.assignments["warmup_steps"]
        if "max_lr" in suggestion.assignments:
            config.scheduler.max_lr *= 2  # sees what the mixins after it have written


class WarmupExperiment(WarmupParams, SGDParams, OneCycleLRParams, SigOptExperiment):
    """The user's mixin together with the ones that come with sigtune."""


def test_a_mixin_of_the_user_works_among_the_others_in_the_order_listed() -> None:
    cfg = apply(WarmupExperiment, config(), suggest(warmup_steps=3, max_lr=0.25, weight_decay=0.5))
    assert WarmupExperiment.get_execution_order()[METHOD] == [
        "SigOptExperiment",
        "OneCycleLRParams",
        "SGDParams",
        "WarmupParams",
    ]
    assert cfg.scheduler.warmup == 300
    assert cfg.scheduler.max_lr == 0.5
    assert cfg.optimizer.weight_decay == 0.5


def test_a_step_mixin_alone_leaves_the_optimizer_alone() -> None:
    class StepOnly(StepLRParams, SigOptExperiment):
        pass

    cfg = apply(StepOnly, config("StepLR", "Adam"), suggest(gamma=0.5, momentum=0.9))
    assert cfg.optimizer.momentum == 0.0
    assert cfg.scheduler.gamma == 0.5


def test_a_parameter_named_like_a_config_key_is_written_to_it() -> None:
    cfg = apply(SigOptExperiment, config(), suggest(**{"trainer.max_epochs": 4, "optimizer.lr": 0.25}))
    assert cfg.trainer.max_epochs == 4
    assert cfg.optimizer.lr == 0.25


def test_a_parameter_that_is_not_a_config_key_adds_none() -> None:
    before = config()
    after = apply(SigOptExperiment, before.copy(), suggest(**{"optimizer.rate": 0.25, "unheard": 1}))
    assert after == before
