"""Points as rows of numbers that a model takes, and back.

A number has one column, over [0, 1] between its bounds (of logarithms, where the parameter has them); a
category and a conditional have a column for each of their values, one of which is 1. A parameter that is not
active stands in its middle: the columns of the conditionals tell those points apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigtune.definition.conditionals import all_hold
from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.parameters import Assignments, Parameter, Value
from sigtune.definition.unit_cube import fraction, from_unit

_FARTHEST = 1.0
"""How far outside [0, 1] a number from outside the bounds is placed at most."""


@dataclass(frozen=True)
class Columns:
    """Where a parameter or a conditional is in a row; `values` are those of a choice without order."""

    name: str
    start: int
    stop: int
    values: tuple[str, ...] | None
    parameter: Parameter | None

    @property
    def indices(self) -> range:
        """The indices of the columns."""
        return range(self.start, self.stop)

    @property
    def middle(self) -> float:
        """What stands in the columns where the parameter is not active."""
        return 0.5 if self.values is None else 1 / len(self.values)

    def of(self, points: Sequence[Assignments]) -> NDArray[np.float64]:
        """Return what stands there for points where the parameter is active, shape (points, columns).

        Raises ValueError for a point without a value that the experiment has.
        """
        default = None if self.parameter is None else self.parameter.default
        given = [point.get(self.name, default) for point in points]
        values = [value for value in given if value is not None]
        if len(values) < len(given):
            raise ValueError(f"no value of {self.name}")
        if self.values is not None:
            return np.eye(len(self.values))[[self.values.index(str(value)) for value in values]]
        assert self.parameter is not None
        return coordinates(self.parameter, values)[:, None]


class Encoding:
    """The rows of the points of one experiment."""

    def __init__(self, definition: ExperimentDefinition) -> None:
        self.definition = definition
        self.columns: list[Columns] = []
        for conditional in definition.conditionals:
            self._append(conditional.name, conditional.values, None)
        for parameter in definition.parameters:
            self._append(parameter.name, parameter.categories, parameter)
        self.width = self.columns[-1].stop

    def _append(self, name: str, values: tuple[str, ...] | None, parameter: Parameter | None) -> None:
        start = self.columns[-1].stop if self.columns else 0
        stop = start + (1 if values is None else len(values))
        self.columns.append(Columns(name, start, stop, values, parameter))

    def has(self, point: Assignments) -> bool:
        """Return whether there is a row for a point; see `rows`."""
        try:
            self.rows([point])
        except ValueError:
            return False
        return True

    def rows(self, points: Iterable[Assignments]) -> NDArray[np.float64]:
        """Return the rows of points, shape (points, width).

        A value that is missing is the default. Raises ValueError where there is none, and for a value that
        the experiment does not have any more.
        """
        points = list(points)
        rows = np.empty((len(points), self.width))
        for columns in self.columns:
            conditions = columns.parameter.conditions if columns.parameter else ()
            active = [index for index, point in enumerate(points) if all_hold(conditions, point)]
            part = rows[:, columns.start : columns.stop]
            part[:] = columns.middle
            part[active] = columns.of([points[index] for index in active])
        return rows

    def point(self, row: NDArray[np.float64]) -> Assignments:
        """Return the legal point that is nearest to a row, linear constraints aside."""
        point: Assignments = {}
        for columns in self.columns:
            if columns.parameter is not None and not all_hold(columns.parameter.conditions, point):
                continue
            if columns.values is not None:
                point[columns.name] = columns.values[int(np.argmax(row[columns.start : columns.stop]))]
            else:
                assert columns.parameter is not None
                point[columns.name] = value_at(columns.parameter, float(row[columns.start]))
        return point

    @property
    def unordered(self) -> Sequence[Columns]:
        """The columns of categories and conditionals, which no gradient may move."""
        return [columns for columns in self.columns if columns.values is not None]


def coordinates(parameter: Parameter, values: Sequence[Value]) -> NDArray[np.float64]:
    """Return where numbers are between the bounds, 0 to 1, shape (numbers,).

    Raises ValueError for one that is not on the grid or has no logarithm where that is searched.
    """
    numbers = np.array(values, dtype=float)
    if parameter.grid is not None and not parameter.log:
        # By its rank, which takes whoever chose the steps (0.001, 0.01, 0.1) at their word about what is
        # evenly spaced.
        ranks = [parameter.grid.index(number) for number in numbers.tolist()]
        return np.array(ranks, dtype=float) / (len(parameter.grid) - 1)
    low, high = parameter.limits
    if parameter.log:
        if (numbers <= 0).any():
            raise ValueError(f"a value of {parameter.name} has no logarithm")
        low, high, numbers = math.log(low), math.log(high), np.log(numbers)
    return np.clip(fraction(numbers, low, high), -_FARTHEST, 1 + _FARTHEST)


def value_at(parameter: Parameter, position: float) -> Value:
    """Return the value whose coordinate is nearest to a position."""
    position = min(max(position, 0.0), 1.0)
    if parameter.grid is not None:
        distances = np.abs(coordinates(parameter, parameter.grid) - position)
        return parameter.number(parameter.grid[int(distances.argmin())])
    if parameter.type == "int":
        low, high = parameter.limits
        return round(low * (1 - position) + high * position)
    return from_unit(parameter, position)
