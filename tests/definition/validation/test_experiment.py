"""What is wrong with a definition as a whole: its fields, and what goes together with what."""

from __future__ import annotations

from typing import Any

import pytest
from tests.definition.validation.definitions import categorical, experiment, found, parameter

from sigtune.definition.validation import experiment_problems

TASKS = [{"name": "short", "cost": 0.1}, {"name": "full", "cost": 1}]
CONDITIONAL = {"name": "model", "values": ["a", "b"]}
LIMIT = {"name": "limit", "strategy": "constraint", "threshold": 1}
TWO = [{"name": "a"}, {"name": "b"}]
GRID = [parameter(grid=[1, 2]), categorical("a", "b", "c", name="kind")]


@pytest.mark.parametrize(
    "change",
    [
        {"conditionals": [], "linear_constraints": [], "tasks": [], "num_solutions": None, "type": "offline"},
        {"tasks": TASKS},
        {"num_solutions": 3},
        {"type": "random"},
        {"type": "grid", "parameters": GRID, "observation_budget": None},
        {"type": "grid", "parameters": GRID, "observation_budget": 6},
        {"conditionals": [CONDITIONAL]},
        {"conditionals": [CONDITIONAL], "parameters": [parameter(conditions={"model": "a"})]},
        {"metadata": {"s": "x", "f": 1.5, "i": 3, "n": None, "": 1}},
        {"object": "experiment", "project": "p"},
    ],
)
def test_a_good_definition_has_no_problem(change: dict[str, Any]) -> None:
    assert found(experiment(**change)) == []


@pytest.mark.parametrize(
    ("change", "key", "what"),
    [
        ({"name": None}, "name", "missing"),
        ({"name": "n" * 101}, "name", "longer than 100"),
        ({"observation_budget": 0}, "observation_budget", "at least 1"),
        ({"observation_budget": 2.5}, "observation_budget", "whole number"),
        ({"parallel_bandwidth": 0}, "parallel_bandwidth", "at least 1"),
        ({"num_solutions": 0}, "num_solutions", "at least 1"),
        ({"parallel_bandwith": 2}, "parallel_bandwith", "unknown field"),
        ({"budget": 10}, "budget", "unknown field"),
        ({"type": "adaptive"}, "type", "unknown type 'adaptive'"),
        ({"project": 3}, "project", "expected the id"),
        ({"metadata": [1]}, "metadata", "expected a mapping"),
        ({"metadata": {"a": {"b": 1}}}, "metadata.a", "cannot hold"),
        ({"metadata": {"a": True}}, "metadata.a", "cannot hold"),
        ({"metadata": {"a": "x" * 501}}, "metadata.a", "longer than 500"),
        ({"metadata": {str(key): 1 for key in range(101)}}, "metadata", "101 keys"),
        # What needs a budget, and what excludes what:
        ({"metrics": TWO, "observation_budget": None}, "observation_budget", "two optimized metrics"),
        ({"metrics": [LIMIT], "observation_budget": None}, "observation_budget", "constraint"),
        ({"tasks": TASKS, "observation_budget": None}, "observation_budget", "tasks"),
        ({"num_solutions": 2, "observation_budget": None}, "observation_budget", "several solutions"),
        ({"num_solutions": 11}, "num_solutions", "more than observation_budget"),
        ({"num_solutions": 2, "metrics": TWO}, "num_solutions", "one optimized metric"),
        ({"num_solutions": 2, "conditionals": [CONDITIONAL]}, "num_solutions", "conditionals"),
        ({"num_solutions": 2, "tasks": TASKS}, "tasks", "num_solutions"),
        ({"metrics": TWO, "tasks": TASKS}, "tasks", "two optimized metrics"),
        ({"metrics": [{"name": "a"}, LIMIT], "tasks": TASKS}, "tasks", "constraint metrics"),
        # Tasks:
        ({"tasks": TASKS[1:]}, "tasks", "at least two"),
        ({"tasks": [TASKS[0], {"name": "half", "cost": 0.5}]}, "tasks", "none has the cost 1"),
        ({"tasks": [*TASKS, {"name": "again", "cost": 1.0}]}, "tasks", "the same cost"),
        ({"tasks": [TASKS[1], {"name": "full", "cost": 0.5}]}, "tasks.full", "defined 2 times"),
        ({"tasks": [TASKS[1], {"name": "free", "cost": 0}]}, "tasks.free.cost", "not above 0"),
        ({"tasks": [TASKS[1], {"name": "dear", "cost": 2}]}, "tasks.dear.cost", "at most 1"),
        ({"tasks": [TASKS[1], {"name": "none"}]}, "tasks.none.cost", "missing"),
        ({"tasks": [TASKS[1], "short"]}, "tasks[1]", "expected a mapping"),
        # Grid searches:
        ({"type": "grid", "parameters": [parameter()]}, "parameters.p.grid", "needs it"),
        ({"type": "grid", "parameters": GRID}, "observation_budget", "not the number of points"),
        (
            {"type": "grid", "parameters": GRID, "observation_budget": 6, "conditionals": [CONDITIONAL]},
            "type",
            "conditionals",
        ),
        # Conditionals and conditions:
        ({"conditionals": "model"}, "conditionals", "expected a list"),
        ({"conditionals": [{"name": "k", "values": ["1"]}]}, "conditionals.k.values", "at least two"),
        ({"conditionals": [{"name": "k", "values": [1, 2]}]}, "conditionals.k.values", "strings"),
        ({"conditionals": [{"name": "k", "values": ["1", "1"]}]}, "conditionals.k.values", "twice"),
        ({"conditionals": [{**CONDITIONAL, "name": "x"}]}, "conditionals.x.name", "a parameter too"),
        ({"parameters": [parameter(conditions={"k": ["1"]})]}, "parameters.p.conditions.k", "no such"),
        (
            {"parameters": [parameter(conditions={"model": ["c"]})], "conditionals": [CONDITIONAL]},
            "parameters.p.conditions.model",
            "not a value",
        ),
        (
            {"parameters": [parameter(conditions={"model": []})], "conditionals": [CONDITIONAL]},
            "parameters.p.conditions.model",
            "at least one value",
        ),
    ],
)
def test_a_bad_definition_is_named_with_its_problem(change: dict[str, Any], key: str, what: str) -> None:
    [(found_key, found_what)] = found(experiment(**change))
    assert found_key == key
    assert what in found_what


def test_every_problem_is_found_at_once() -> None:
    definition = experiment(
        parameters=[
            parameter(name="a", bounds={"min": 2, "max": 1}),
            parameter(name="b", type="integer"),
            categorical("x", name="c"),
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
        ({"parameters": [parameter(type="categoric")]}, "categorical"),
        ({"parameters": [parameter(bounds={"min": 3, "max": 1})]}, "{min: 1, max: 3}"),
    ],
)
def test_a_problem_says_what_would_be_right(change: dict[str, Any], remedy: str) -> None:
    [problem] = experiment_problems(experiment(**change))
    assert problem.remedy == remedy
