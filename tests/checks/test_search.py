"""What is found wrong with a search before a suggestion is drawn."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from sigtune.checks.search import mapping_problems, missing_values, open_search
from sigtune.errors import Problem, UsageError
from sigtune.tuning.block import SearchBlock, read_block
from sigtune.tuning.connection import connect
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.experiment_class import experiment_class
from sigtune.tuning.experiment_details import parameters_of

MAX_LR = {"name": "max_lr", "type": "double", "bounds": {"min": 0.01, "max": 1.5}}
PCT_START = {"name": "pct_start", "type": "double", "bounds": {"min": 0.03, "max": 0.15}}
COMMON = "sigtune.tuning.common_experiments"


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGOPT_KEY", "SIGOPT_API_TOKEN", "SIGOPT_API_URL"):
        monkeypatch.delenv(name, raising=False)


def config(scheduler: str = "OneCycleLR", **values: Any) -> DictConfig:
    cfg = OmegaConf.create(
        {
            "optimizer": {"_target_": "torch.optim.SGD", "lr": "${scheduler.max_lr}", "momentum": 0.0},
            "scheduler": {
                "_target_": f"torch.optim.lr_scheduler.{scheduler}",
                "max_lr": "???",
                "pct_start": "???",
                **values,
            },
            "trainer": {"max_epochs": 30},
        }
    )
    OmegaConf.set_struct(cfg, True)
    return cfg


def block(**changes: Any) -> SearchBlock:
    search = {
        "name": "search",
        "parameters": [MAX_LR, PCT_START],
        "metrics": [{"name": "accuracy"}],
        "observation_budget": 10,
        "experiment_class": f"{COMMON}.SigOptSGDOneCycleLRExperiment",
    }
    return read_block({**search, **changes})


def problems_of(block: SearchBlock, cfg: DictConfig, overridden: Collection[str] = ()) -> list[Problem]:
    search = open_search(block, ())
    return search.problems + mapping_problems(cfg, search.klass, search.parameters, overridden)


def found(
    cfg: DictConfig | None = None, overridden: Collection[str] = (), **changes: Any
) -> list[tuple[str, str, str]]:
    problems = problems_of(block(**changes), config() if cfg is None else cfg, overridden)
    return [(problem.key, problem.what, problem.remedy) for problem in problems]


def test_a_good_search_has_no_problem() -> None:
    assert found() == []


def test_a_parameter_that_nothing_reads_is_named_with_who_could_have_read_it() -> None:
    ((key, what, _),) = found(config(max_lr=0.1), parameters=[PCT_START, {**MAX_LR, "name": "warmup"}])
    assert key == "sigopt.parameters.warmup"
    assert what == "no config key, and not read by OneCycleLRParams and SGDParams"


def test_a_misspelt_config_key_is_answered_with_the_nearest() -> None:
    assert found(
        config(max_lr=0.1, pct_start=0.1),
        parameters=[{"name": "trainer.max_epoch", "type": "int", "bounds": {"min": 1, "max": 9}}],
        experiment_class="sigtune.tuning.experiment.SigOptExperiment",
    ) == [
        ("sigopt.parameters.trainer.max_epoch", "no config key, and no mixin reads it", "trainer.max_epochs")
    ]


def test_a_tuned_key_that_has_a_value_in_the_config_is_a_problem() -> None:
    assert found(config(max_lr=0.3)) == [
        (
            "scheduler.max_lr",
            "is tuned, and also has the value 0.3 in the config",
            "??? in the file that gives it the value",
        )
    ]


@pytest.mark.parametrize("value", [0.01, 1.5])
def test_a_tuned_key_that_has_the_value_of_a_bound_is_a_problem_too(value: Any) -> None:
    assert [key for key, _, _ in found(config(max_lr=value))] == ["scheduler.max_lr"]


def test_a_tuned_key_given_on_the_command_line_is_told_once() -> None:
    assert found(config(pct_start=0.1), overridden={"scheduler.pct_start", "trainer.max_epochs"}) == [
        ("scheduler.pct_start", "is tuned, and also given on the command line", "leave it out")
    ]


def test_a_tuned_key_that_only_refers_to_a_missing_value_has_none() -> None:
    cfg = config(max_lr="${other}", pct_start="???")
    OmegaConf.set_struct(cfg, False)
    cfg.other = "???"
    assert [key for key, _, _ in found(cfg)] == ["other"]


def test_a_key_that_nothing_gives_a_value_is_a_problem() -> None:
    ((key, what, remedy),) = found(parameters=[MAX_LR])
    assert key == "scheduler.pct_start"
    assert what == "has no value"
    assert remedy.startswith("scheduler.pct_start=")


def test_missing_values_leave_out_the_search_and_hydra_themselves() -> None:
    cfg = OmegaConf.create({"sigopt": {"name": "???"}, "hydra": {"x": "???"}, "a": {"b": "???", "c": "???"}})
    assert [problem.key for problem in missing_values(cfg, {"a.c"})] == ["a.b"]


def test_a_mixin_for_another_scheduler_is_one_problem() -> None:
    ((key, what, _),) = found(config("StepLR"))
    assert key == "sigopt.experiment_class"
    assert "OneCycleLRParams" in what
    assert "torch.optim.lr_scheduler.StepLR" in what


def test_a_default_value_that_is_not_a_number_is_a_problem() -> None:
    ((key, what, _),) = found(parameters=[{**MAX_LR, "default_value": "high"}, PCT_START])
    assert key == "sigopt.parameters.max_lr.default_value"
    assert "'high'" in what


def test_a_block_without_a_search_is_one_problem() -> None:
    problems = problems_of(read_block({}), config())
    assert [(problem.key, problem.what) for problem in problems] == [("sigopt", "defines no experiment")]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no.such.module.Class", "cannot import no.such.module.Class: "),
        (f"{COMMON}.SigOptAdamExperiment", f"cannot import {COMMON}.SigOptAdamExperiment: "),
        ("Bare", "cannot import Bare: "),
        ("math.pi", "math.pi is not a SigOptExperiment"),
        ("collections.OrderedDict", "collections.OrderedDict is not a SigOptExperiment"),
    ],
)
def test_an_experiment_class_that_is_none_is_a_problem(path: str, reason: str) -> None:
    ((key, what, _),) = found(experiment_class=path)
    assert key == "sigopt.experiment_class"
    assert what.startswith(reason)


def test_the_experiment_class_may_be_a_user_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_experiment.py").write_text(
        "from sigtune.tuning.experiment import SigOptExperiment\n"
        "class Mine(SigOptExperiment):\n"
        "    def update_config_with_suggestion(self, config, suggestion):\n"
        "        super().update_config_with_suggestion(config, suggestion)\n"
        "        config.scheduler.max_lr = 2 * suggestion.assignments['half_rate']\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = {"experiment_class": "own_experiment.Mine"}
    assert issubclass(experiment_class(own["experiment_class"]), SigOptExperiment)
    half_rate = {**MAX_LR, "name": "half_rate"}
    assert found(config(pct_start=0.1), parameters=[half_rate], **own) == []
    assert [key for key, _, _ in found(config(pct_start=0.1, max_lr=1.0), parameters=[half_rate], **own)] == [
        "scheduler.max_lr"
    ]


def test_a_module_of_the_user_that_fails_to_load_is_a_problem_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_experiment.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"cannot import broken_experiment.Mine: RuntimeError: no licence$"):
        experiment_class("broken_experiment.Mine")


def test_every_problem_of_a_definition_is_told_at_once() -> None:
    keys = [
        key
        for key, _, _ in found(
            parameters=[
                {**MAX_LR, "bounds": {"min": 2, "max": 1}},
                {**PCT_START, "type": "float"},
                PCT_START,
            ],
            metrics=[{"name": "accuracy", "objective": "maximise"}],
            observation_budget=0,
            parallel_bandwidth=0,
            backend="cloud",
            experiment_class="no.such.Class",
        )
    ]
    assert sorted(keys) == [
        "sigopt.backend",
        "sigopt.experiment_class",
        "sigopt.metrics.accuracy.objective",
        "sigopt.observation_budget",
        "sigopt.parallel_bandwidth",
        "sigopt.parameters.max_lr.bounds",
        "sigopt.parameters.pct_start",
        "sigopt.parameters.pct_start.type",
    ]


def test_a_wrong_budget_does_not_hide_what_is_wrong_with_the_tuned_keys() -> None:
    problems = found(config(max_lr=0.3), overridden={"scheduler.pct_start"}, observation_budget=0)
    assert [key for key, _, _ in problems] == [
        "sigopt.observation_budget",
        "scheduler.max_lr",
        "scheduler.pct_start",
    ]


def test_the_definition_of_an_experiment_that_exists_is_sigopt_s(store: str) -> None:
    created = SigOptExperiment(connection=connect("local", store))
    created.create_experiment(name="s", parameters=[MAX_LR], metrics=[{"name": "accuracy"}])
    search = open_search(block(experiment_id="1", store=store, observation_budget=0, parameters=[]), ())
    assert search.problems == []
    assert [parameter["name"] for parameter in search.parameters] == ["max_lr"]


def test_the_connection_of_an_experiment_that_exists_is_looked_at() -> None:
    ((key, _, remedy),) = found(experiment_id="7", backend="locale")
    assert (key, remedy) == ("sigopt.backend", "auto, api or local")


def test_parameters_of_an_experiment_come_back_in_the_fields_of_a_definition(tmp_path: Path) -> None:
    cycle = {"name": "cycle_momentum", "type": "categorical", "categorical_values": ["true", "false"]}
    grid = {"name": "div_factor", "type": "double", "grid": [30.0, 50.0]}
    experiment = SigOptExperiment(connection=connect("local", f"sqlite:///{tmp_path / 'sigopt.db'}"))
    experiment.create_experiment(name="s", parameters=[MAX_LR, cycle, grid], metrics=[{"name": "accuracy"}])
    read = {p["name"]: p for p in parameters_of(experiment.get_experiment_details())}
    bounds = read["max_lr"]["bounds"]
    assert (bounds["min"], bounds["max"]) == (0.01, 1.5)
    assert read["cycle_momentum"]["categorical_values"] == ["true", "false"]
    assert read["div_factor"]["grid"] == [30.0, 50.0]
