"""What is wrong with a config value, in words."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from omegaconf import MISSING, DictConfig, OmegaConf

from sigtune.config.keys import known_keys, leaves, missing_keys, nearest_key
from sigtune.config.validation import assign, value_problems
from sigtune.errors import Problem, UsageError, format_problems, nearest


@dataclass
class Entry:
    name: str = MISSING
    share: float = 1.0


@dataclass
class Section:
    gpus: int = 0
    rate: float = 0.1
    fast: bool = False
    label: str = "a"
    max_epochs: int = MISSING


@dataclass
class Root:
    trainer: Section = field(default_factory=Section)
    optional: Section | None = None
    entries: list[Entry] = field(default_factory=list)
    free: dict[str, Any] = field(default_factory=dict)
    seed: int = 0


def root() -> DictConfig:
    config = OmegaConf.structured(Root)
    assert isinstance(config, DictConfig)
    return config


def lines(problems: list[Problem]) -> list[tuple[str, str, str]]:
    return [(problem.key, problem.what, problem.remedy) for problem in problems]


def test_the_nearest_choice_is_the_one_probably_meant() -> None:
    assert nearest("sparse_cnn_onecyclerl", ["dense_cnn", "sparse_cnn_onecyclelr", "sparse_cnn_steplr"]) == (
        "sparse_cnn_onecyclelr"
    )


def test_without_a_near_choice_all_are_listed() -> None:
    assert nearest("xyz", ["b", "a"]) == "one of b, a"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("trainer.max_epoch", "trainer.max_epochs"),
        ("trainer.gpu", "trainer.gpus"),
        ("sed", "seed"),
        ("trianer.gpus", "trainer.gpus"),
        ("trianer.zzz", "trainer"),
        ("trainer.zzz", "one of fast, gpus, label, max_epochs, rate"),
        ("zzz", "one of entries, free, optional, seed, trainer"),
    ],
)
def test_the_nearest_key_is_looked_for_in_its_section_or_else_everywhere(typed: str, meant: str) -> None:
    assert nearest_key(typed, root()) == meant


def test_the_nearest_key_is_shown_below_the_place_of_its_config() -> None:
    assert nearest_key("gpu", root().trainer, "app.trainer") == "app.trainer.gpus"


def test_known_keys_are_sections_and_leaves_with_or_without_a_value() -> None:
    config = OmegaConf.create({"a": {"b": 1, "c": "???"}, "d": None, "e": []})
    assert known_keys(config) == {"a", "a.b", "a.c", "d", "e"}


def test_missing_keys_do_not_follow_interpolations() -> None:
    config = OmegaConf.create({"a": "???", "b": {"c": "${a}", "d": "???"}, "e": "${nowhere}"})
    assert missing_keys(config) == {"a", "b.d"}


def test_a_list_and_an_empty_section_are_leaves() -> None:
    assert dict(leaves({"a": {"b": [1, {"c": 2}], "d": {}}})) == {"a.b": [1, {"c": 2}], "a.d": {}}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("trainer.gpus", "one", "expected an integer, e.g. app.trainer.gpus=1"),
        ("trainer.gpus", 1.5, "expected an integer, e.g. app.trainer.gpus=1"),
        ("trainer.rate", "fast", "expected a number, e.g. app.trainer.rate=0.1"),
        ("trainer.fast", "maybe", "expected true or false, e.g. app.trainer.fast=true"),
        ("trainer.label", [1], "expected a string"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_what_is_expected(key: str, value: Any, expected: Any) -> None:
    config = root()
    problem = assign(config, key, value, "app")
    assert problem is not None
    assert problem.key == f"app.{key}={'…' if isinstance(value, list) else value}"
    assert problem.what == expected
    assert config == root()


def test_the_value_is_shown_as_it_was_typed() -> None:
    problem = assign(root(), "trainer.gpus", "one", typed="++trainer.gpus='one'")
    assert problem is not None
    assert problem.key == "++trainer.gpus='one'"


@pytest.mark.parametrize(
    ("key", "value"), [("trainer.gpus", 2), ("trainer.rate", 1), ("free.any.depth", 3), ("optional.gpus", 1)]
)
def test_a_value_that_fits_is_set(key: str, value: Any) -> None:
    config = root()
    assert assign(config, key, value) is None
    assert OmegaConf.select(config, key) == value


def test_an_unknown_key_is_answered_with_the_nearest() -> None:
    assert assign(root(), "trainer.max_epoch", 3, "app") == Problem(
        "app.trainer.max_epoch", "unknown key", "app.trainer.max_epochs"
    )


def test_every_problem_of_nested_values_is_found_and_the_rest_is_set() -> None:
    config = root()
    problems = value_problems(
        config,
        {
            "trainer": {"gpus": "one", "max_epoch": 3, "rate": 0.5},
            "entries": [{"name": "a", "share": "half"}, {"shared": 1}, "b"],
            "seeds": 1,
        },
        "app",
    )
    assert lines(problems) == [
        ("app.trainer.gpus=one", "expected an integer, e.g. app.trainer.gpus=1", ""),
        ("app.trainer.max_epoch", "unknown key", "app.trainer.max_epochs"),
        ("app.entries.a.share=half", "expected a number, e.g. app.entries.a.share=0.1", ""),
        ("app.entries.1.shared", "unknown key", "app.entries.1.share"),
        ("app.entries.2", "expected a mapping", ""),
        ("app.seeds", "unknown key", "app.seed"),
    ]
    assert config.trainer.rate == 0.5


def test_good_values_have_no_problem() -> None:
    values = {"trainer": {"gpus": 1, "max_epochs": "???"}, "entries": [{"name": "a"}], "free": {"x": [1]}}
    assert value_problems(root(), values, "") == []


def test_the_list_of_problems_is_aligned_and_a_problem_without_a_remedy_has_no_arrow() -> None:
    problems = [Problem("a", "wrong", "b"), Problem("long.key", "quite wrong", "c"), Problem("x", "w" * 20)]
    assert format_problems(problems) == [
        "a         wrong        → b",
        "long.key  quite wrong  → c",
        "x         " + "w" * 20,
    ]
    assert str(UsageError(problems)).splitlines() == format_problems(problems)
