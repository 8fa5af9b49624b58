"""What is wrong with a parameter."""

from __future__ import annotations

from typing import Any

import pytest
from tests.definition.validation.definitions import BOUNDS, categorical, experiment, found, parameter

NORMAL = {"name": "normal", "mean": 0.5, "scale": 0.2}


@pytest.mark.parametrize(
    "good",
    [
        parameter(),
        parameter(bounds={"min": -1, "max": 1.5}, default_value=1.5),
        parameter(bounds={"min": 1e-5, "max": 1}, transformation="log", default_value=1e-5),
        parameter(transformation="none", prior=NORMAL),
        parameter(prior={"name": "beta", "shape_a": 2, "shape_b": 4, "object": "beta_prior"}),
        parameter(grid=[1, 0.5, 2], default_value=0.5),
        parameter(grid=[0.1, 0.2], transformation="log"),
        parameter(type="int", bounds={"min": 1.0, "max": 30.0}, default_value=30.0),
        parameter(type="int", grid=[1, 8, 64], default_value=8),
        parameter(default_value=2),  # outside the bounds: it stands in for what old observations lack
        parameter(
            bounds=BOUNDS, grid=None, transformation=None, default_value=None, prior=None, conditions={}
        ),
        parameter(precision=3, tunable=True),  # SigOpt passes over what it does not know in a parameter
        categorical("a", "b", default_value="b"),
        categorical({"name": "a", "enum_index": 7}, {"name": "b"}),
    ],
)
def test_a_good_parameter_has_no_problem(good: dict[str, Any]) -> None:
    assert found(experiment(parameters=[good])) == []


@pytest.mark.parametrize(
    ("bad", "key", "what"),
    [
        ({"type": "double", "bounds": BOUNDS}, "parameters[0].name", "missing"),
        (parameter(name=""), "parameters[0].name", "empty"),
        (parameter(name=3), "parameters[0].name", "expected a string"),
        (parameter(name="n" * 101), f"parameters.{'n' * 101}.name", "longer than 100"),
        ("p", "parameters[0]", "expected a mapping"),
        (parameter(type=None), "parameters.p.type", "missing"),
        (parameter(type="float"), "parameters.p.type", "unknown parameter type 'float'"),
        (parameter(type=["int"]), "parameters.p.type", "unknown parameter type"),
        (parameter(bounds=None), "parameters.p.bounds", "missing"),
        (parameter(bounds=[0, 1]), "parameters.p.bounds", "expected min and max"),
        (parameter(bounds={"min": 0}), "parameters.p.bounds.max", "missing"),
        (parameter(bounds={"min": 0, "max": 1, "mid": 0}), "parameters.p.bounds.mid", "unknown field"),
        (parameter(bounds={"min": "1e-5", "max": 1}), "parameters.p.bounds.min", "expected a finite number"),
        (parameter(bounds={"min": 0, "max": float("inf")}), "parameters.p.bounds.max", "a finite number"),
        (parameter(bounds={"min": False, "max": 1}), "parameters.p.bounds.min", "expected a finite number"),
        (parameter(bounds={"min": 2, "max": 1}), "parameters.p.bounds", "the wrong way round"),
        (parameter(bounds={"min": 1, "max": 1}), "parameters.p.bounds", "both 1"),
        (parameter(bounds=BOUNDS, grid=[0, 1]), "parameters.p.grid", "together with bounds"),
        (parameter(categorical_values=["a", "b"]), "parameters.p.categorical_values", "type double"),
        (parameter(type="int", bounds={"min": 0.5, "max": 2}), "parameters.p.bounds.min", "not a whole"),
        (parameter(type="int", bounds={"min": 0, "max": 10**400}), "parameters.p.bounds.max", "finite"),
        (parameter(type="int", bounds={"min": 0, "max": 2**60}), "parameters.p.bounds.max", "not a whole"),
        (parameter(grid=[1]), "parameters.p.grid", "at least two"),
        (parameter(grid=[1, "b"]), "parameters.p.grid[1]", "expected a finite number"),
        (parameter(grid=[1, 2, 1.0]), "parameters.p.grid", "listed twice"),
        (parameter(type="int", grid=[1, 1.5]), "parameters.p.grid[1]", "not a whole number"),
        (parameter(transformation="log"), "parameters.p.transformation", "numbers above 0"),
        (parameter(grid=[0, 1], transformation="log"), "parameters.p.transformation", "numbers above 0"),
        (parameter(transformation="exp"), "parameters.p.transformation", "unknown transformation"),
        (
            parameter(type="int", bounds={"min": 1, "max": 9}, transformation="log"),
            "parameters.p.transformation",
            "type double",
        ),
        (parameter(default_value="a"), "parameters.p.default_value", "expected a number"),
        (parameter(grid=[1, 2], default_value=1.5), "parameters.p.default_value", "not on the grid 1, 2"),
        (parameter(type="int", default_value=1.5), "parameters.p.default_value", "not a whole number"),
        (
            parameter(bounds={"min": 0.1, "max": 1}, transformation="log", default_value=0),
            "parameters.p.default_value",
            "no logarithm",
        ),
        (parameter(prior="normal"), "parameters.p.prior", "expected a mapping"),
        (parameter(prior={"name": ["normal"]}), "parameters.p.prior.name", "unknown prior"),
        (parameter(prior={"name": "normal", "mean": 0.5}), "parameters.p.prior.scale", "missing"),
        (parameter(prior={**NORMAL, "mean": 5}), "parameters.p.prior.mean", "outside the bounds 0 to 1"),
        (parameter(prior={**NORMAL, "scale": 0}), "parameters.p.prior.scale", "not above 0"),
        (parameter(prior={**NORMAL, "shape_a": 1}), "parameters.p.prior.shape_a", "unknown field"),
        (
            parameter(prior={"name": "beta", "shape_a": -1, "shape_b": 4}),
            "parameters.p.prior.shape_a",
            "not above 0",
        ),
        (parameter(type="int", prior=NORMAL), "parameters.p.prior", "type double"),
        (parameter(grid=[1, 2], prior=NORMAL), "parameters.p.prior", "with bounds"),
        (
            parameter(bounds={"min": 0.1, "max": 1}, transformation="log", prior=NORMAL),
            "parameters.p.prior",
            "cannot be combined",
        ),
        (categorical(), "parameters.p.categorical_values", "at least two"),
        (categorical("a"), "parameters.p.categorical_values", "at least two"),
        (categorical(categorical_values="ab"), "parameters.p.categorical_values", "at least two"),
        (categorical(True, "b"), "parameters.p.categorical_values", "expected a string"),
        (categorical("a", "a"), "parameters.p.categorical_values", "listed 2 times"),
        (categorical("a", "b" * 101), "parameters.p.categorical_values", "longer than 100"),
        (categorical("a", "b", grid=[1, 2]), "parameters.p.grid", "has no grid"),
        (categorical("a", "b", bounds=BOUNDS), "parameters.p.bounds", "has no bounds"),
        (categorical("a", "b", transformation="log"), "parameters.p.transformation", "no transformation"),
        (categorical("a", "b", prior=NORMAL), "parameters.p.prior", "has no prior"),
        (categorical("a", "b", default_value="c"), "parameters.p.default_value", "not one of a, b"),
    ],
)
def test_a_bad_parameter_is_named_with_its_problem(bad: Any, key: str, what: str) -> None:
    [(found_key, found_what)] = found(experiment(parameters=[bad]))
    assert found_key == key
    assert what in found_what


@pytest.mark.parametrize("parameters", [None, [], {}, "x"])
def test_there_is_at_least_one_parameter(parameters: Any) -> None:
    assert ("parameters", "expected a list of at least one parameter") in found(
        experiment(parameters=parameters)
    )


def test_two_parameters_of_one_name_are_a_problem() -> None:
    twice = experiment(parameters=[parameter(), parameter()])
    assert found(twice) == [("parameters.p", "defined 2 times")]
