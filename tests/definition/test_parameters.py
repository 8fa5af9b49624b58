"""What a parameter may be given, and what it makes of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.definition.spaces import every_kind

from sigtune.definition.parameters import (
    LARGEST_WHOLE,
    Parameter,
    is_number,
    is_whole,
    parameter_from_json,
    parse_value,
)

LR = Parameter("lr", "double", bounds=(0.001, 1.0))
EPOCHS = Parameter("epochs", "int", bounds=(1.0, 30.0))
DECAY = Parameter("decay", "double", grid=(0.0, 0.5))
WIDTH = Parameter("width", "int", grid=(8.0, 64.0))
MODE = Parameter("mode", "categorical", categories=("a", "b"))


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (
            {"name": "lr", "type": "double", "bounds": {"min": 1, "max": 2}, "transformation": "log"},
            Parameter("lr", "double", bounds=(1.0, 2.0), log=True),
        ),
        (
            {"name": "epochs", "type": "int", "bounds": {"min": 1, "max": 9}, "default_value": 3},
            Parameter("epochs", "int", bounds=(1.0, 9.0), default=3),
        ),
        (
            {"name": "width", "type": "int", "grid": [64, 8, 16], "bounds": None},
            Parameter("width", "int", grid=(8.0, 16.0, 64.0)),
        ),
        (
            {"name": "mode", "type": "categorical", "categorical_values": ["b", {"name": "a"}]},
            Parameter("mode", "categorical", categories=("b", "a")),
        ),
    ],
)
def test_a_definition_in_sigopts_shape_becomes_a_parameter(
    definition: dict[str, Any], expected: Parameter
) -> None:
    assert parameter_from_json(definition) == expected


@pytest.mark.parametrize(
    ("parameter", "choices"),
    [
        (LR, None),
        (EPOCHS, range(1, 31)),
        (DECAY, [0.0, 0.5]),
        (WIDTH, [8, 64]),
        (MODE, ("a", "b")),
    ],
)
def test_a_parameter_knows_all_that_may_be_tried(parameter: Parameter, choices: object) -> None:
    assert parameter.choices == choices


def test_only_numbers_have_limits() -> None:
    assert LR.limits == (0.001, 1.0)
    assert WIDTH.limits == (8.0, 64.0)
    with pytest.raises(TypeError, match="mode is not a number"):
        _ = MODE.limits


@pytest.mark.parametrize(
    ("parameter", "given_value", "expected"),
    [(LR, 1, 1.0), (EPOCHS, 3.0, 3), (DECAY, 0, 0.0), (WIDTH, 64.0, 64), (MODE, "a", "a")],
)
def test_a_value_is_parsed_as_the_parameters_own_type(
    parameter: Parameter, given_value: object, expected: object
) -> None:
    parsed = parse_value(parameter, given_value)
    assert (parsed, type(parsed)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("parameter", "wrong", "words"),
    [
        (LR, 2, r"2 is outside the bounds 0\.001 to 1"),
        (LR, "0.5", "expected a number, got '0.5'"),
        (LR, True, "expected a number, got True"),
        (LR, float("nan"), "expected a number, got nan"),
        (EPOCHS, 1.5, r"1\.5 is not a whole number"),
        (EPOCHS, 31, "31 is outside the bounds 1 to 30"),
        (DECAY, 0.25, r"0\.25 is not on the grid 0, 0\.5"),
        (MODE, "c", "'c' is not one of a, b"),
        (MODE, 0, "0 is not one of a, b"),
    ],
)
def test_a_value_that_the_parameter_cannot_take_is_refused(
    parameter: Parameter, wrong: object, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        parse_value(parameter, wrong)


anything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.just(10**400)
    | st.lists(st.integers(), max_size=2)
)


@given(every_kind, anything)
def test_whatever_is_given_is_parsed_for_good_or_refused(parameter: Parameter, value: object) -> None:
    try:
        parsed = parse_value(parameter, value)
    except ValueError:
        return
    assert parsed == (float(str(value)) if parameter.type == "double" else value)
    assert type(parsed) is {"double": float, "int": int, "categorical": str}[parameter.type]
    assert parse_value(parameter, parsed) == parsed


@pytest.mark.parametrize("value", [0, -1, 0.5, 1e308, 2**60])
def test_finite_numbers_are_numbers(value: float) -> None:
    assert is_number(value)


@pytest.mark.parametrize("value", [True, None, "1", float("inf"), float("nan"), 10**400, [1]])
def test_nothing_else_is_a_number(value: object) -> None:
    assert not is_number(value)


def test_whole_numbers_are_whole_as_far_as_a_double_counts() -> None:
    assert all(is_whole(value) for value in (0, 3.0, -LARGEST_WHOLE, LARGEST_WHOLE))
    assert not any(is_whole(value) for value in (0.5, LARGEST_WHOLE + 2, float("inf"), True, "3"))
