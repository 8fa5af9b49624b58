"""Values to and from the unit interval."""

import math
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.definition.spaces import MIXED, choices, continuous, doubles, every_kind, logarithmic_doubles

from sigtune.definition.parameters import Parameter, parse_value
from sigtune.definition.unit_cube import distance, every_point, from_unit, to_unit

positions = st.floats(0, 1)


@given(every_kind, positions)
def test_every_position_is_a_value_that_the_parameter_takes(parameter: Parameter, position: float) -> None:
    value = from_unit(parameter, position)
    parsed = parse_value(parameter, value)
    assert (parsed, type(parsed)) == (value, type(value))


@given(every_kind, positions)
def test_the_position_of_a_value_is_in_the_unit_interval(parameter: Parameter, position: float) -> None:
    assert 0 <= to_unit(parameter, from_unit(parameter, position)) <= 1


def is_countable(parameter: Parameter) -> bool:
    """Return whether a double in [0, 1] tells the parameter's choices apart."""
    return parameter.bounds is None or parameter.bounds[1] - parameter.bounds[0] < 2**50


@given(choices.filter(is_countable), positions)
def test_a_choice_comes_back_from_its_own_position(parameter: Parameter, position: float) -> None:
    value = from_unit(parameter, position)
    assert from_unit(parameter, to_unit(parameter, value)) == value


@given(continuous, positions)
def test_a_continuous_value_comes_back_from_its_own_position(parameter: Parameter, position: float) -> None:
    low, high = parameter.limits
    value = from_unit(parameter, position)
    assert isinstance(value, float)
    again = from_unit(parameter, to_unit(parameter, value))
    if parameter.log:
        assert again == pytest.approx(value, rel=1e-12)
    else:
        assert again == pytest.approx(value, rel=0, abs=1e-12 * max(abs(low), abs(high)))


@given(doubles | logarithmic_doubles)
def test_the_ends_of_the_interval_are_the_bounds(parameter: Parameter) -> None:
    low, high = parameter.limits
    rounding = 1e-12 * max(abs(low), abs(high))
    assert from_unit(parameter, 0.0) == pytest.approx(low, rel=0, abs=rounding)
    assert from_unit(parameter, 1.0) == pytest.approx(high, rel=0, abs=rounding)
    assert (to_unit(parameter, low), to_unit(parameter, high)) == (0, 1)


@given(continuous, positions, positions)
def test_a_higher_position_is_no_lower_value(parameter: Parameter, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert float(from_unit(parameter, low)) <= float(from_unit(parameter, high))


@given(st.integers(2, 50), st.integers(0, 10_000))
def test_every_choice_has_an_equal_share_of_the_interval(count: int, step: int) -> None:
    parameter = Parameter("p", "categorical", categories=tuple(str(index) for index in range(count)))
    position = (step % count + 0.5) / count
    assert from_unit(parameter, position) == str(step % count)


def test_the_middle_of_a_logarithmic_parameter_is_the_geometric_mean() -> None:
    value = from_unit(Parameter("lr", "double", bounds=(1e-5, 0.3), log=True), 0.5)
    assert value == pytest.approx(math.sqrt(1e-5 * 0.3))


def test_a_finite_space_is_walked_point_by_point() -> None:
    points = every_point([Parameter("a", "int", bounds=(1, 2)), Parameter("b", "double", grid=(0.0, 0.5))])
    assert points is not None
    assert list(points) == [(1, 0.0), (1, 0.5), (2, 0.0), (2, 0.5)]


def test_a_space_with_a_double_within_bounds_is_infinite() -> None:
    assert every_point(MIXED) is None


def test_a_space_too_large_for_memory_is_walked_lazily() -> None:
    vast = Parameter("a", "int", bounds=(0, 2**53))
    points = every_point([vast, vast])
    assert points is not None
    assert list(islice(points, 3)) == [(0, 0), (0, 1), (0, 2)]


def test_points_are_apart_by_their_values_and_by_their_categories() -> None:
    parameters = [
        Parameter("x", "double", bounds=(0.0, 4.0)),
        Parameter("k", "categorical", categories=("a", "b")),
    ]
    assert distance(parameters, {"x": 0.0, "k": "a"}, {"x": 0.0, "k": "a"}) == 0
    assert distance(parameters, {"x": 0.0, "k": "a"}, {"x": 2.0, "k": "a"}) == pytest.approx(
        math.sqrt(0.25 / 2)
    )
    assert distance(parameters, {"x": 0.0, "k": "a"}, {"k": "b"}) == 1
