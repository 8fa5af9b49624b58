"""Hydra's sweep syntax as a search space."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from sigtune.search.search_space import (
    point_count,
    read_command_line,
    use_current_values,
)

from .sweep_app import SweepApp


def parameter(override: str, is_int_key: bool = False, **config: object) -> dict[str, Any]:
    line = read_command_line([override], None)
    assert not line.problems
    use_current_values(line.parameters, config.get, lambda _: is_int_key)
    return line.parameters[0]


def test_an_interval_is_a_double_with_bounds() -> None:
    assert parameter("rate=interval(0.1,2)") == {
        "name": "rate",
        "type": "double",
        "bounds": {"min": 0.1, "max": 2.0},
    }


def test_a_logarithmic_interval_is_tagged() -> None:
    found = parameter("rate=tag(log, interval(0.01, 1.5))")
    assert found["transformation"] == "log"


def test_an_interval_of_whole_numbers_is_of_floats_unless_a_schema_wants_whole_ones() -> None:
    assert parameter("units=interval(500,1500)", units=700)["type"] == "double"
    assert parameter("units=interval(500,1500)", is_int_key=True, units=700) == {
        "name": "units",
        "type": "int",
        "bounds": {"min": 500, "max": 1500},
        "default_value": 700,
    }


def test_an_interval_cast_to_int_is_an_int() -> None:
    assert parameter("units=int(interval(0,8))")["type"] == "int"


def test_a_range_is_a_grid() -> None:
    assert parameter("units=range(500,800,100)", units=600) == {
        "name": "units",
        "type": "int",
        "grid": [500, 600, 700],
        "default_value": 600,
    }


def test_a_choice_of_numbers_is_a_grid_and_of_words_is_categorical() -> None:
    assert parameter("size=choice(256,64,128)") == {"name": "size", "type": "int", "grid": [64, 128, 256]}
    assert parameter("size=0.5,0.25")["grid"] == [0.25, 0.5]
    assert parameter("label=choice(a,'b c')")["categorical_values"] == ["a", "b c"]


def test_what_is_the_searchs_own_is_not_tuned() -> None:
    line = read_command_line(["sigopt.observation_budget=1,2", "x=interval(0,1)"], None)
    assert [one["name"] for one in line.parameters] == ["x"]
    [problem] = line.problems
    assert (problem.key, problem.what) == (
        "sigopt.observation_budget",
        "is the search's own, which has one value",
    )


def test_a_choice_in_a_choice_is_one_choice_of_all_and_a_single_one_is_a_fixed_value() -> None:
    assert parameter("label=choice(choice(a,b),c)")["categorical_values"] == ["a", "b", "c"]
    assert parameter("x=shuffle(range(0,4))")["grid"] == [0, 1, 2, 3]
    line = read_command_line(["+label=choice('b c')", "x=1,1"], None)
    assert (line.fixed, line.parameters) == (["+label=b\\ c", "x=1"], [])


def test_a_value_outside_the_space_is_no_default() -> None:
    assert "default_value" not in parameter("units=interval(500,1500)", units=2)


@pytest.mark.parametrize(
    ("override", "value", "expected"),
    [
        ("label=choice(a,'b c')", "b c", "label=b\\ c"),
        ("flag=choice(true,false)", "true", "flag=True"),
        ("sizes=choice([1,2],[3])", "[1,2]", "sizes=[1,2]"),
        ("net=choice({depth:1},{depth:2})", "{depth:1}", "net={depth:1}"),
        ("label=choice('',b)", "''", "label="),
        ("+extra.key=choice(a,b)", "a", "+extra.key=a"),
        ("+extra.key=interval(0,1)", 0.5, "+extra.key=0.5"),
    ],
)
def test_a_choice_is_given_to_the_job_as_it_was_typed(override: str, value: object, expected: str) -> None:
    assert (
        read_command_line([override], None).override_for(override.partition("=")[0].lstrip("+"), value)
        == expected
    )


@pytest.mark.parametrize(
    ("value", "category"),
    [(OmegaConf.create([32, 32]), "[32,32]"), ("", "''"), (OmegaConf.create({"a": 1}), "{a:1}")],
)
def test_a_list_a_mapping_or_an_empty_string_is_the_default_where_it_is_the_configs_value(
    value: object, category: str
) -> None:
    found = parameter("units=choice([32,32],'',{a:1})", units=value)
    assert found["default_value"] == category


@pytest.mark.parametrize(
    ("sweep", "what"),
    [
        ("range(0,3,0)", "is not a range of numbers with a step"),
        ("range(nan)", "is not a range of numbers with a step"),
        ("range(3,0)", "has no values"),
        ("range(0,1000000000)", "has 1000000000 values"),
        ("interval(nan,1)", "an end of the interval is not a finite number"),
        ("interval(0,inf)", "an end of the interval is not a finite number"),
        ("choice(1.5,nan)", "has a value that is not a finite number"),
    ],
)
def test_a_sweep_without_values_or_with_too_many_is_a_problem_of_its_key(sweep: str, what: str) -> None:
    line = read_command_line([f"x={sweep}"], None)
    assert [(problem.key, problem.what) for problem in line.problems] == [("x", what)]
    assert line.parameters == []


@pytest.mark.parametrize(
    ("overrides", "points"),
    [
        (["a=choice(1,2,3)", "b=int(interval(0,3))", "c=choice(x,y)"], 24),
        (["a=choice(1,2)", "b=interval(0,1)"], None),
    ],
)
def test_the_points_of_a_space_are_counted(overrides: list[str], points: int | None) -> None:
    assert point_count(read_command_line(overrides, None).parameters) == points


def test_overrides_of_the_sigopt_block_go_to_no_job() -> None:
    line = read_command_line(["a=1", "sigopt.observation_budget=3", "++b.c=2"], None)
    assert line.fixed == ["a=1", "++b.c=2"]
    assert line.block_keys == {"sigopt.observation_budget"}


def test_an_unknown_tag_and_a_key_tuned_twice_are_problems() -> None:
    line = read_command_line(["a=tag(exp, interval(0,1))", "b=1,2", "b=3,4"], None)
    assert [problem.key for problem in line.problems] == ["a", "b"]


def test_a_glob_and_the_sweepers_params_are_searched_and_a_small_space_is_said_to_be_exhausted(
    app: SweepApp,
) -> None:
    result = app.run(
        "shape=glob(*)",
        "+hydra.sweeper.params.label='plain,\"\",[1]'",
        "sigopt.parameters=[]",
        "++x=0",
        "sigopt.observation_budget=7",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "the space has 6 points: of 7 observations some repeat others" in result.stdout
    found = {
        (observed.assignments["shape"], observed.assignments["label"]) for observed in app.observations()
    }
    assert {shape for shape, _ in found} == {"round", "square"}
    assert {label for _, label in found} <= {"plain", "''", "[1]"}
    labels = {
        str(OmegaConf.load(app.sweep_dir / str(number) / ".hydra" / "config.yaml").label)
        for number in app.by_job()
    }
    assert labels <= {"plain", "", "[1]"}


def test_keys_choices_and_groups_of_the_command_line_are_tuned_beside_the_parameters_of_the_block(
    app: SweepApp,
) -> None:
    result = app.run(
        "units=interval(500,1500)", "label=choice(plain,'two words')", "shape=choice(round,square)", "size=2"
    )
    assert result.returncode == 0, result.stdout + result.stderr
    first = app.observations()[0]
    assert dict(first.assignments) == {"x": 1, "units": 700, "label": "plain", "shape": "round"}
    shapes = set()
    for number, observed in app.by_job().items():
        config = OmegaConf.load(app.sweep_dir / str(number) / ".hydra" / "config.yaml")
        assert config.units == observed.assignments["units"]
        assert config.label == observed.assignments["label"]
        assert config.size == 2
        shapes.add(
            (observed.assignments["shape"], config.corners if "corners" in config else config.shape.corners)
        )
    assert shapes <= {("round", 0), ("square", 4)}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["units=interval(500,1500)", "units=3"], "units  is tuned, and also given on the command line"),
        (["x=interval(0,1)"], "sigopt.parameters.x  defined 2 times"),
        (["shape=choice(round,squared)"], "shape=squared  no such choice  → round or square"),
        (["units=interval(9,3)"], "units"),
        (["sigopt.repeats=0"], "sigopt.repeats=0  is too small"),
        (["sigopt.job_timeout=-1"], "sigopt.job_timeout=-1"),
        (["sigopt.repeats=2", "sigopt.repeat_key=label"], "sigopt.repeat_key"),
        (["hydra/launcher=joblib", "sigopt.max_consecutive_failures=0"], "sigopt.max_consecutive_failures=0"),
    ],
)
def test_what_cannot_be_searched_is_refused_and_nothing_is_created(
    app: SweepApp, arguments: list[str], line: str
) -> None:
    result = app.run(*arguments)
    assert result.returncode == 2, result.stdout + result.stderr
    assert line in result.stderr
    assert "Traceback" not in result.stderr
    assert list(app.folder.iterdir()) == []
