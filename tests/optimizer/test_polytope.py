"""Linear constraints that leave little, or nothing."""

from __future__ import annotations

import numpy as np
import pytest
from tests.optimizer.searches import definition

from sigtune.definition.constraints import LinearConstraint, Term
from sigtune.definition.parameters import Parameter
from sigtune.optimizer.polytope import has_no_point, polytope_of

SUM = (Term("x", 1.0), Term("y", 1.0))
COUNTS = tuple(Parameter(name, "int", bounds=(0.0, 9.0)) for name in ("x", "y"))


def between(low: float, high: float) -> tuple[LinearConstraint, ...]:
    return LinearConstraint("greater_than", low, SUM), LinearConstraint("less_than", high, SUM)


@pytest.mark.parametrize(
    ("low", "high", "empty"), [(0.5, 0.6, False), (0.6, 0.5, True), (2.0, 3.0, False), (2.1, 3.0, True)]
)
def test_constraints_that_contradict_each_other_leave_no_point(low: float, high: float, empty: bool) -> None:
    assert has_no_point(definition(linear_constraints=between(low, high))) is empty


def test_ints_may_have_no_point_where_doubles_have() -> None:
    assert has_no_point(definition(COUNTS, linear_constraints=between(3.2, 3.8)))
    assert not has_no_point(definition(COUNTS, linear_constraints=between(3.2, 4.0)))


def test_an_experiment_without_constraints_has_points() -> None:
    assert not has_no_point(definition())


def test_a_thin_polytope_is_filled_from_end_to_end() -> None:
    space = definition(linear_constraints=between(0.999999, 1.0))
    points = polytope_of(space).sample(np.random.default_rng(0), 40)
    assert all(space.meets_linear_constraints(point) for point in points)
    assert min(float(point["x"]) for point in points) < 0.2
    assert max(float(point["x"]) for point in points) > 0.8
