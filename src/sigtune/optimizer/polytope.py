"""Points that meet linear constraints, where they are too rare to be met by chance.

Doubles come from a random walk inside the polytope (hit and run, Smith 1984), ints from integer programs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.parameters import Assignments, Parameter

_WALK_STEPS = 20
"""Steps of the walk for each dimension between two points that it gives."""

_CORNERS = 4
"""Corners that span the directions of the walk, for each dimension."""


@dataclass(frozen=True)
class Polytope:
    """The points u of the unit cube with `matrix` · u ≥ `lower`, a coordinate for each of `parameters`.

    An int's coordinate runs over its bounds as a double's does.
    """

    parameters: tuple[Parameter, ...]
    matrix: NDArray[np.float64]
    lower: NDArray[np.float64]

    @property
    def low(self) -> NDArray[np.float64]:
        """The lower bound of each parameter."""
        return np.array([parameter.limits[0] for parameter in self.parameters])

    @property
    def high(self) -> NDArray[np.float64]:
        """The upper bound of each parameter."""
        return np.array([parameter.limits[1] for parameter in self.parameters])

    @property
    def is_int(self) -> NDArray[np.bool_]:
        """Whether each parameter is an int."""
        return np.array([parameter.type == "int" for parameter in self.parameters])

    def sample(self, rng: np.random.Generator, count: int) -> list[Assignments]:
        """Return random points, `count` of them or, where only ints meet the constraints, fewer."""
        start = self._centre()
        if start is None:
            return []
        if all(parameter.type == "double" for parameter in self.parameters):
            return [self._assignments(u) for u in self._walk(start, rng, count)]
        points = [self._integer_point(rng) for _ in range(min(count, 8))]
        return [point for point in points if point is not None]

    def is_empty(self) -> bool:
        """Return whether no point at all meets the constraints."""
        return self._centre() is None or self._integer_point(np.random.default_rng(0)) is None

    def _centre(self) -> NDArray[np.float64] | None:
        """Return the centre of the largest ball inside (Chebyshev), None where the polytope is empty."""
        dimensions = len(self.parameters)
        norms = np.linalg.norm(self.matrix, axis=1)
        ball = np.eye(dimensions)
        from scipy.optimize import linprog

        result = linprog(
            np.append(np.zeros(dimensions), -1.0),
            A_ub=np.block(
                [
                    [-self.matrix, norms[:, None]],
                    [ball, np.ones((dimensions, 1))],
                    [-ball, np.ones((dimensions, 1))],
                ]
            ),
            b_ub=np.concatenate([-self.lower, np.ones(dimensions), np.zeros(dimensions)]),
            bounds=[(0, 1)] * dimensions + [(0, None)],
        )
        return None if result.x is None else np.asarray(result.x[:-1])

    def _walk(
        self, start: NDArray[np.float64], rng: np.random.Generator, count: int
    ) -> list[NDArray[np.float64]]:
        point, points = start, []
        corners = self._corners(rng)
        spokes = corners - corners.mean(0)
        normals = np.concatenate([self.matrix, np.eye(len(start)), -np.eye(len(start))])
        lower = np.concatenate([self.lower, np.zeros(len(start)), -np.ones(len(start))])
        for _ in range(count):
            for _ in range(_WALK_STEPS * len(start)):
                # Along what the polytope's corners span, for in a thin one other directions lead nowhere.
                direction = rng.normal(size=len(spokes)) @ spokes
                speed, slack = normals @ direction, lower - normals @ point
                with np.errstate(divide="ignore", invalid="ignore"):
                    ends = slack / speed
                forth, back = ends[speed < 0], ends[speed > 0]
                # Rounding may leave the point a trifle outside.
                point = point + direction * rng.uniform(min(back.max(), 0.0), max(forth.min(), 0.0))
            points.append(np.clip(point, 0.0, 1.0))
        return points

    def _corners(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return corners that are extreme in random directions, shape (corners, dimensions)."""
        from scipy.optimize import linprog

        dimensions = len(self.parameters)
        objectives = rng.normal(size=(_CORNERS * dimensions, dimensions))
        bounds = [(0, 1)] * dimensions
        return np.array([linprog(c, -self.matrix, -self.lower, bounds=bounds).x for c in objectives])

    def _integer_point(self, rng: np.random.Generator) -> Assignments | None:
        """Return a point that is extreme in a random direction, by an integer program."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        # Ints in their own values, doubles in their coordinates: the widest bounds have no width in a double.
        low, high = np.where(self.is_int, self.low, 0.0), np.where(self.is_int, self.high, 1.0)
        width = high - low
        matrix = self.matrix / width
        result = milp(
            rng.normal(size=len(self.parameters)) / width,
            constraints=LinearConstraint(matrix, lb=self.lower + matrix @ low),
            integrality=self.is_int.astype(np.intp),
            bounds=Bounds(low, high),
        )
        if not result.success:
            return None
        values = np.where(self.is_int, np.round(result.x), self._values((result.x - low) / width))
        return {parameter.name: parameter.number(value) for parameter, value in self._named(values)}

    def _assignments(self, u: NDArray[np.float64]) -> Assignments:
        return {parameter.name: float(value) for parameter, value in self._named(self._values(u))}

    def _values(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(self.low * (1 - u) + self.high * u, self.low, self.high)

    def _named(self, values: NDArray[np.float64]) -> zip[tuple[Parameter, float]]:
        return zip(self.parameters, values.tolist(), strict=True)


def polytope_of(definition: ExperimentDefinition) -> Polytope:
    """Return the polytope of the parameters that the linear constraints are about."""
    constraints = definition.linear_constraints
    names = {term.name for constraint in constraints for term in constraint.terms}
    parameters = tuple(parameter for parameter in definition.parameters if parameter.name in names)
    columns = {parameter.name: index for index, parameter in enumerate(parameters)}
    matrix, lower = np.zeros((len(constraints), len(parameters))), np.zeros(len(constraints))
    for row, constraint in enumerate(constraints):
        limits = [parameters[columns[term.name]].limits for term in constraint.terms]
        # In units of the largest weight and the largest bound, so that nothing overflows.
        heaviest = max(abs(term.weight) for term in constraint.terms)
        farthest = max(abs(limit) for pair in limits for limit in pair)
        lower[row] = constraint.sign * (constraint.threshold / heaviest / farthest)
        for term, (low, high) in zip(constraint.terms, limits, strict=True):
            weight = constraint.sign * term.weight / heaviest
            matrix[row, columns[term.name]] = weight * (high / farthest - low / farthest)
            lower[row] -= weight * (low / farthest)
    return Polytope(parameters, matrix, lower)


def has_no_point(definition: ExperimentDefinition) -> bool:
    """Return whether the linear constraints of a definition leave nothing to suggest."""
    return bool(definition.linear_constraints) and polytope_of(definition).is_empty()
