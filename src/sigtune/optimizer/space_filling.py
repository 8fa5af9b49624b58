"""Points that fill the space: the defaults, then a scrambled Sobol sequence; and free points near others.

Every point is legal: it has no value for inactive parameters and meets the linear constraints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.parameters import Assignments, Parameter, Value, parse_value
from sigtune.definition.unit_cube import every_point, from_unit, to_unit
from sigtune.optimizer.polytope import polytope_of
from sigtune.optimizer.priors import quantile
from sigtune.optimizer.state import SearchState

if TYPE_CHECKING:
    from scipy.stats import qmc

_SOBOL_BLOCK = 256
_SOBOL_TRIES = 4096
"""How many points of the sequence are looked at for one that meets the linear constraints."""

_MOST_CHOICES = 100_000

_SEARCH_RADII = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_SEARCH_POINTS = 64


def default_assignments(state: SearchState) -> Assignments:
    """Return the point of the default values, with the middle where there is none that can be tried.

    Where this misses a linear constraint, a point that meets all.
    """
    point = point_at(state.definition, np.full(dimensions(state.definition), 0.5))
    for parameter in state.definition.parameters:
        if parameter.name in point and parameter.default is not None:
            point[parameter.name] = _default(parameter, point[parameter.name])
    if state.definition.meets_linear_constraints(point):
        return point
    return next(iter(fill(state.definition, 1, state.seed)))


def _default(parameter: Parameter, otherwise: Value) -> Value:
    try:
        return parse_value(parameter, parameter.default)
    except ValueError:  # a default outside the bounds stands in for missing values only
        return otherwise


def sobol_assignments(state: SearchState) -> Assignments:
    """Return the point of the sequence that belongs to the suggestion's index."""
    skip = max(state.index - 1, 0)
    for point in _legal_points(state.definition, state.seed, skip):
        return point
    [point] = fill(state.definition, 1, state.own_seed)
    return point


def fill(definition: ExperimentDefinition, count: int, seed: int) -> list[Assignments]:
    """Return points that fill the space, `count` of them unless so few are legal."""
    points = list(islice(_legal_points(definition, seed), count))
    if len(points) < count and definition.linear_constraints:
        points += _constrained_points(definition, count - len(points), seed)
    return points


def _legal_points(definition: ExperimentDefinition, seed: int, skip: int = 0) -> Iterator[Assignments]:
    """Iterate over the sequence; with linear constraints, over those of its first points that meet them."""
    engine = _sobol(dimensions(definition), seed)
    if not definition.linear_constraints:
        if skip:  # SciPy cannot skip none
            engine.fast_forward(skip)
        while True:
            yield from (point_at(definition, position) for position in engine.random(_SOBOL_BLOCK))
    positions = (position for _ in range(_SOBOL_TRIES) for position in engine.random(1))
    points = (point_at(definition, position) for position in positions)
    yield from islice(filter(definition.meets_linear_constraints, points), skip, None)


def _sobol(dimensions: int, seed: int) -> qmc.Sobol:
    from scipy.stats import qmc  # half a second that a first suggestion need not wait

    return qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed))


def _constrained_points(definition: ExperimentDefinition, count: int, seed: int) -> list[Assignments]:
    rng = np.random.default_rng(seed)
    others = rng.random((count, dimensions(definition)))
    parts = polytope_of(definition).sample(rng, count)
    points = [{**point_at(definition, other), **part} for other, part in zip(others, parts, strict=False)]
    return [point for point in points if definition.meets_linear_constraints(point)]


def dimensions(definition: ExperimentDefinition) -> int:
    """Return the number of coordinates of a point: one for each conditional and each parameter."""
    return len(definition.conditionals) + len(definition.parameters)


def point_at(definition: ExperimentDefinition, position: NDArray[np.float64]) -> Assignments:
    """Return the point at a position in the unit cube, conditionals first; priors bend the space."""
    split = len(definition.conditionals)
    point: Assignments = {}
    for conditional, u in zip(definition.conditionals, position[:split].tolist(), strict=True):
        values = conditional.values
        point[conditional.name] = values[min(int(u * len(values)), len(values) - 1)]
    active = {parameter.name for parameter in definition.active_parameters(point)}
    for parameter, u in zip(definition.parameters, position[split:].tolist(), strict=True):
        if parameter.name in active:
            where = u if parameter.prior is None else quantile(parameter, parameter.prior, u)
            point[parameter.name] = from_unit(parameter, where)
    return point


def nearest_free(state: SearchState, candidate: Assignments, task: str | None) -> Assignments:
    """Return the candidate or, if it is taken, a free point near it.

    A point is looked for in ever larger boxes around the candidate: what the model likes at a point it likes
    beside it too. A finite space is then gone through, and if it is exhausted the candidate is tried again.
    """
    used = state.taken(task)
    if state.key(candidate) not in used:
        return candidate
    for point in (*_around(state, candidate), *fill(state.definition, _SEARCH_POINTS, state.own_seed)):
        if state.key(point) not in used:
            return point
    # At most len(used) of its points are taken, so this ends soon however large the space is.
    for point in legal_choices(state.definition):
        if state.key(point) not in used:
            return point
    return candidate


def _around(state: SearchState, centre: Assignments) -> Iterator[Assignments]:
    active = [p for p in state.definition.parameters if p.name in centre]
    if not active:
        return
    position = np.array([to_unit(parameter, centre[parameter.name]) for parameter in active])
    steps = 2 * _sobol(len(active), state.own_seed).random(_SEARCH_POINTS) - 1
    for radius in _SEARCH_RADII:
        for moved in np.clip(position + radius * steps, 0.0, 1.0):
            values = {p.name: from_unit(p, u) for p, u in zip(active, moved.tolist(), strict=True)}
            point = {**centre, **values}
            if state.definition.meets_linear_constraints(point):
                yield point


def legal_choices(definition: ExperimentDefinition) -> Iterable[Assignments]:
    """Iterate over a finite space in order, the last parameter fastest; over nothing where it is infinite."""
    for chosen in _conditional_choices(definition):
        active = definition.active_parameters(chosen)
        names = [parameter.name for parameter in active]
        every = every_point(active)
        # With linear constraints the legal points may be far between, so not all are gone through.
        values_of = islice(every or (), _MOST_CHOICES if definition.linear_constraints else None)
        points = ({**chosen, **dict(zip(names, values, strict=True))} for values in values_of)
        yield from filter(definition.meets_linear_constraints, points)


def _conditional_choices(definition: ExperimentDefinition) -> Iterator[Assignments]:
    choices: list[Assignments] = [{}]
    for conditional in definition.conditionals:
        choices = [{**choice, conditional.name: value} for choice in choices for value in conditional.values]
    return iter(choices)
