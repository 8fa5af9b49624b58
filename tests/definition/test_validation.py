"""What is wrong with a definition, found before anything is created."""

from typing import Any

import pytest
from sigopt import Connection
from sigopt.exception import ApiException
from tests.fixture_types import Define

from sigtune.definition.validation import experiment_problems

BOUNDS = {"min": 0, "max": 1}


def parameter(**fields: Any) -> dict[str, Any]:
    return {"name": "p", "type": "double", **fields}


def categorical(**fields: Any) -> dict[str, Any]:
    return {"name": "p", "type": "categorical", **fields}


def found(definition: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem.key, problem.what) for problem in experiment_problems(definition)]


GOOD_PARAMETERS = [
    parameter(bounds=BOUNDS),
    parameter(bounds={"min": -1, "max": 1.5}, default_value=1.5),
    parameter(bounds={"min": 1e-5, "max": 1}, transformation="log", default_value=1e-5),
    parameter(grid=[1, 0.5, 2], default_value=0.5),
    parameter(type="int", bounds={"min": 1.0, "max": 30.0}, default_value=30.0),
    parameter(type="int", grid=[1, 8, 64], default_value=8),
    categorical(categorical_values=["a", "b"], default_value="b"),
    categorical(categorical_values=[{"name": "a", "enum_index": 1}, {"name": "b"}]),
    parameter(bounds=BOUNDS, grid=None, transformation=None, default_value=None, prior=None, conditions={}),
]


@pytest.mark.parametrize("good", GOOD_PARAMETERS)
def test_a_good_parameter_has_no_problem_and_is_created(
    connection: Connection, define: Define, good: dict[str, Any]
) -> None:
    definition = define(parameters=[good])
    assert found(definition) == []
    assert connection.experiments().create(**definition).parameters[0].name == "p"


BAD_PARAMETERS = [
    ({"type": "double", "bounds": BOUNDS}, "parameters[0].name", "missing"),
    (parameter(name="", bounds=BOUNDS), "parameters[0].name", "empty"),
    (parameter(name=3, bounds=BOUNDS), "parameters[0].name", "expected a string"),
    ("p", "parameters[0]", "expected a mapping"),
    ({"name": "p", "bounds": BOUNDS}, "parameters.p.type", "missing"),
    (parameter(type="float", bounds=BOUNDS), "parameters.p.type", "unknown parameter type 'float'"),
    (parameter(bounds=BOUNDS, log=True), "parameters.p.log", "unknown field"),
    (parameter(), "parameters.p.bounds", "missing"),
    (parameter(bounds=[0, 1]), "parameters.p.bounds", "expected min and max"),
    (parameter(bounds={"min": 0}), "parameters.p.bounds.max", "missing"),
    (parameter(bounds={"min": 0, "max": 1, "mid": 0}), "parameters.p.bounds.mid", "unknown field"),
    (parameter(bounds={"min": "1e-5", "max": 1}), "parameters.p.bounds.min", "expected a finite number"),
    (
        parameter(bounds={"min": 0, "max": float("inf")}),
        "parameters.p.bounds.max",
        "expected a finite number",
    ),
    (parameter(bounds={"min": False, "max": 1}), "parameters.p.bounds.min", "expected a finite number"),
    (parameter(bounds={"min": 2, "max": 1}), "parameters.p.bounds", "the wrong way round"),
    (parameter(bounds={"min": 1, "max": 1}), "parameters.p.bounds", "both 1"),
    (parameter(bounds=BOUNDS, grid=[0, 1]), "parameters.p.grid", "together with bounds"),
    (
        parameter(bounds=BOUNDS, categorical_values=["a", "b"]),
        "parameters.p.categorical_values",
        "type double",
    ),
    (parameter(type="int", bounds={"min": 0.5, "max": 2}), "parameters.p.bounds.min", "not a whole number"),
    (parameter(type="int", bounds={"min": 0, "max": 10**400}), "parameters.p.bounds.max", "finite number"),
    (parameter(type="int", bounds={"min": 0, "max": 2**60}), "parameters.p.bounds.max", "whole number"),
    (parameter(grid=[1]), "parameters.p.grid", "at least two"),
    (parameter(grid=[1, "b"]), "parameters.p.grid[1]", "expected a finite number"),
    (parameter(grid=[1, 2, 1.0]), "parameters.p.grid", "listed twice"),
    (parameter(type="int", grid=[1, 1.5]), "parameters.p.grid[1]", "not a whole number"),
    (parameter(bounds=BOUNDS, transformation="log"), "parameters.p.transformation", "bounds above 0"),
    (parameter(bounds=BOUNDS, transformation="exp"), "parameters.p.transformation", "unknown transformation"),
    (parameter(grid=[1, 2], transformation="log"), "parameters.p.transformation", "type double with bounds"),
    (
        parameter(type="int", bounds={"min": 1, "max": 9}, transformation="log"),
        "parameters.p.transformation",
        "type double with bounds",
    ),
    (parameter(bounds=BOUNDS, default_value=2), "parameters.p.default_value", "outside the bounds 0 to 1"),
    (parameter(bounds=BOUNDS, default_value="a"), "parameters.p.default_value", "expected a number"),
    (parameter(grid=[1, 2], default_value=1.5), "parameters.p.default_value", "not on the grid 1, 2"),
    (
        parameter(type="int", bounds={"min": 0, "max": 9}, default_value=1.5),
        "parameters.p.default_value",
        "not a whole number",
    ),
    (categorical(), "parameters.p.categorical_values", "at least two"),
    (categorical(categorical_values=["a"]), "parameters.p.categorical_values", "at least two"),
    (categorical(categorical_values="ab"), "parameters.p.categorical_values", "at least two"),
    (categorical(categorical_values=[True, "b"]), "parameters.p.categorical_values", "expected a string"),
    (categorical(categorical_values=["a", "a"]), "parameters.p.categorical_values", "listed 2 times"),
    (
        categorical(categorical_values=["a", {"name": "b", "enum_index": 7}]),
        "parameters.p.categorical_values.b.enum_index",
        "does not match",
    ),
    (categorical(categorical_values=["a", "b"], grid=[1, 2]), "parameters.p.grid", "has no grid"),
    (categorical(categorical_values=["a", "b"], bounds=BOUNDS), "parameters.p.bounds", "has no bounds"),
    (
        categorical(categorical_values=["a", "b"], transformation="log"),
        "parameters.p.transformation",
        "has no transformation",
    ),
    (
        categorical(categorical_values=["a", "b"], default_value="c"),
        "parameters.p.default_value",
        "not one of a, b",
    ),
    (
        parameter(bounds=BOUNDS, conditions={"m": ["a"]}),
        "parameters.p.conditions",
        "does not support conditional",
    ),
    (parameter(bounds=BOUNDS, prior={"name": "normal"}), "parameters.p.prior", "does not support priors"),
    (parameter(bounds=BOUNDS, precision=3), "parameters.p.precision", "does not support precision"),
]


@pytest.mark.parametrize(("bad", "key", "what"), BAD_PARAMETERS)
def test_a_bad_parameter_is_named_with_its_problem(
    connection: Connection, define: Define, bad: object, key: str, what: str
) -> None:
    definition = define(parameters=[bad])
    [(found_key, found_what)] = found(definition)
    assert found_key == key
    assert what in found_what
    with pytest.raises(ApiException) as refusal:
        connection.experiments().create(**definition)
    assert refusal.value.status_code == 400
    assert key in refusal.value.message


METRICS = [{"name": "a"}, {"name": "b"}]
BAD_FIELDS = [
    ({"name": None}, "name", "missing"),
    ({"observation_budget": 0}, "observation_budget", "at least 1"),
    ({"observation_budget": 2.5}, "observation_budget", "whole number"),
    ({"parallel_bandwidth": 0}, "parallel_bandwidth", "at least 1"),
    ({"parallel_bandwith": 2}, "parallel_bandwith", "unknown field"),
    ({"project": 3}, "project", "expected the id"),
    ({"metadata": [1]}, "metadata", "expected a mapping"),
    ({"metadata": {"a": {"b": 1}}}, "metadata.a", "cannot hold"),
    ({"type": "grid"}, "type", "does not support experiments of type 'grid'"),
    ({"parameters": []}, "parameters", "at least one parameter"),
    ({"parameters": None}, "parameters", "at least one parameter"),
    (
        {"parameters": [parameter(bounds=BOUNDS), parameter(bounds=BOUNDS)]},
        "parameters.p",
        "defined 2 times",
    ),
    ({"metrics": None}, "metrics", "at least one metric"),
    ({"metrics": [{"name": "a"}, "a"]}, "metrics.a", "defined 2 times"),
    ({"metrics": [{"objective": "maximize"}]}, "metrics[0].name", "missing"),
    ({"metrics": [{"name": "a", "objective": "max"}]}, "metrics.a.objective", "unknown objective 'max'"),
    ({"metrics": [{"name": "a", "strategy": "optimise"}]}, "metrics.a.strategy", "unknown strategy"),
    ({"metrics": [*METRICS, {"name": "c"}]}, "metrics", "3 are optimized"),
    ({"metrics": [{"name": "a", "strategy": "store"}]}, "metrics", "none is optimized"),
    ({"metrics": METRICS, "observation_budget": None}, "observation_budget", "two optimized metrics"),
    ({"metrics": [{"name": "a", "goal": 1}]}, "metrics.a.goal", "unknown field"),
    ({"metrics": ["a", {"name": "b", "strategy": "constraint"}]}, "metrics.b.threshold", "missing"),
    (
        {"metrics": ["a", {"name": "b", "strategy": "constraint", "threshold": "low"}]},
        "metrics.b.threshold",
        "expected a finite number",
    ),
    # What SigOpt supports and the embedded backend does not:
    ({"metrics": [{"name": "a", "threshold": 0.5}]}, "metrics.a.threshold", "for a constraint only"),
    ({"conditionals": [{"name": "m", "values": ["a"]}]}, "conditionals", "conditional parameters"),
    ({"linear_constraints": [{"type": "less_than"}]}, "linear_constraints", "linear constraints"),
    ({"tasks": [{"name": "cheap", "cost": 0.1}]}, "tasks", "multitask"),
    ({"num_solutions": 2}, "num_solutions", "one solution only"),
    ({"training_monitor": {"max_checkpoints": 5}}, "training_monitor", "training monitor"),
    ({"runs_only": True}, "runs_only", "training runs"),
    ({"budget": 10}, "budget", "use observation_budget"),
    ({"metric": {"name": "a"}}, "metric", "use metrics"),
]


@pytest.mark.parametrize(("change", "key", "what"), BAD_FIELDS)
def test_a_bad_field_is_named_with_its_problem(
    connection: Connection, define: Define, change: dict[str, Any], key: str, what: str
) -> None:
    definition = define(**change)
    [(found_key, found_what)] = found(definition)
    assert found_key == key
    assert what in found_what
    with pytest.raises(ApiException) as refusal:
        connection.experiments().create(**definition)
    assert refusal.value.status_code == 400
    assert key in refusal.value.message
    assert connection.experiments().fetch().count == 0


def test_every_problem_is_found_at_once(define: Define) -> None:
    definition = define(
        parameters=[
            parameter(name="a", bounds={"min": 2, "max": 1}),
            parameter(name="b", type="integer"),
            categorical(name="c", categorical_values=["x"]),
        ],
        metrics=[{"name": "m", "objective": "maximise"}],
        observation_budget=0,
        tasks=[{"name": "t", "cost": 1}],
    )
    assert {key for key, _ in found(definition)} == {
        "parameters.a.bounds",
        "parameters.b.type",
        "parameters.c.categorical_values",
        "metrics.m.objective",
        "observation_budget",
        "tasks",
    }


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"parallel_bandwith": 2}, "parallel_bandwidth"),
        ({"metrics": [{"name": "a", "objective": "minimise"}]}, "minimize"),
        ({"parameters": [parameter(type="categoric", bounds=BOUNDS)]}, "categorical"),
        ({"parameters": [parameter(bounds={"min": 3, "max": 1})]}, "{min: 1, max: 3}"),
    ],
)
def test_a_problem_says_what_would_be_right(define: Define, change: dict[str, Any], remedy: str) -> None:
    [problem] = experiment_problems(define(**change))
    assert problem.remedy == remedy


def test_features_that_are_asked_for_with_nothing_are_no_problem(define: Define) -> None:
    nothing: dict[str, object] = {
        "conditionals": [],
        "linear_constraints": [],
        "tasks": None,
        "num_solutions": 1,
        "type": "offline",
    }
    assert found(define(**nothing)) == []
