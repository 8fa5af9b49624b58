"""What is wrong with linear constraints."""

from __future__ import annotations

from typing import Any

import pytest
from tests.definition.validation.definitions import categorical, experiment, found, parameter

TERMS = [{"name": "x", "weight": 1}, {"name": "y", "weight": 1}]
PARAMETERS = [
    parameter(name="x"),
    parameter(name="y"),
    parameter(name="n", type="int", bounds={"min": 1, "max": 9}),
    parameter(name="m", type="int", bounds={"min": 1, "max": 9}),
    parameter(name="lr", bounds={"min": 0.1, "max": 1}, transformation="log"),
    parameter(name="step", grid=[1, 2]),
    categorical("a", "b", name="kind"),
]


def constraint(**fields: Any) -> dict[str, Any]:
    return {"type": "less_than", "threshold": 1, "terms": TERMS, **fields}


def terms(first: str, second: str) -> dict[str, Any]:
    return constraint(terms=[{"name": first, "weight": 1}, {"name": second, "weight": 1}])


@pytest.mark.parametrize(
    "good",
    [
        constraint(),
        constraint(type="greater_than", threshold=0.5),
        constraint(type="greater_than", threshold=2),  # met by one corner
        {**terms("n", "m"), "threshold": 5},
    ],
)
def test_a_good_constraint_has_no_problem(good: dict[str, Any]) -> None:
    assert found(experiment(parameters=PARAMETERS, linear_constraints=[good])) == []


@pytest.mark.parametrize(
    ("bad", "key", "what"),
    [
        (3, "", "expected a mapping"),
        (constraint(type="equal"), ".type", "unknown type 'equal'"),
        (constraint(type=None), ".type", "missing"),
        (constraint(threshold=None), ".threshold", "missing"),
        (constraint(terms=None), ".terms", "expected a list"),
        (constraint(terms=TERMS[:1]), ".terms", "at least two terms"),
        (constraint(terms=[TERMS[0], {"name": "y", "weight": 0}]), ".terms", "at least two terms"),
        (constraint(terms=[TERMS[0], TERMS[0]]), ".terms", "in two terms"),
        (constraint(weight=1), ".weight", "unknown field"),
        (terms("x", "z"), ".terms[1].name", "no parameter 'z'"),
        (terms("x", "kind"), ".terms[1].name", "is not a number"),
        (terms("x", "lr"), ".terms[1].name", "transformation log"),
        (terms("x", "step"), ".terms[1].name", "has a grid"),
        (terms("x", "n"), ".terms", "are mixed"),
        (constraint(threshold=-5), ".threshold", "from 0 to 2"),
        (constraint(type="greater_than", threshold=2.1), ".threshold", "cannot be met"),
    ],
)
def test_a_bad_constraint_is_named_with_its_problem(bad: Any, key: str, what: str) -> None:
    problems = found(experiment(parameters=PARAMETERS, linear_constraints=[bad]))
    [(found_key, found_what)] = problems
    assert found_key == f"linear_constraints[0]{key}"
    assert what in found_what


def test_a_parameter_with_conditions_takes_part_in_no_constraint() -> None:
    definition = experiment(
        parameters=[parameter(name="x"), parameter(name="y", conditions={"k": ["a"]})],
        conditionals=[{"name": "k", "values": ["a", "b"]}],
        linear_constraints=[constraint()],
    )
    [(key, what)] = found(definition)
    assert (key, what) == ("linear_constraints[0].terms[1].name", "parameter y has conditions")
