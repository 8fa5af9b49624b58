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

    def row(self, assignments: Assignments) -> NDArray[np.float64]:
        """Return the row of a point, shape (width,).

        A value that is missing is the default. Raises ValueError where there is none, and for a value that
        the experiment does not have any more.
        """
        active = {parameter.name for parameter in self.definition.active_parameters(assignments)}
        row = np.zeros(self.width)
        for columns in self.columns:
            parameter = columns.parameter
            if parameter is not None and parameter.name not in active:
                row[columns.start : columns.stop] = columns.middle
                continue
            value = assignments.get(columns.name, None if parameter is None else parameter.default)
            if value is None:
                raise ValueError(f"no value of {columns.name}")
            if columns.values is not None:
                row[columns.start + columns.values.index(str(value))] = 1.0
            else:
                assert parameter is not None
                row[columns.start] = coordinate(parameter, value)
        return row

    def rows(self, points: Iterable[Assignments]) -> NDArray[np.float64]:
        """Return the rows of points, shape (points, width)."""
        return np.array([self.row(point) for point in points]).reshape(-1, self.width)

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


def coordinate(parameter: Parameter, value: Value) -> float:
    """Return where a number is between its bounds, 0 to 1. Raises ValueError if it is not on the grid."""
    number = float(value)
    if parameter.grid is not None and not parameter.log:
        # By its rank, which takes whoever chose the steps (0.001, 0.01, 0.1) at their word about what is
        # evenly spaced.
        return parameter.grid.index(number) / (len(parameter.grid) - 1)
    low, high = parameter.limits
    if parameter.log:
        low, high, number = math.log(low), math.log(high), math.log(number)
    return min(max(fraction(number, low, high), -_FARTHEST), 1 + _FARTHEST)


def value_at(parameter: Parameter, position: float) -> Value:
    """Return the value whose coordinate is nearest to a position."""
    position = min(max(position, 0.0), 1.0)
    if parameter.grid is not None:
        step = min(parameter.grid, key=lambda value: abs(coordinate(parameter, value) - position))
        return parameter.number(step)
    if parameter.type == "int":
        low, high = parameter.limits
        return round(low * (1 - position) + high * position)
    return from_unit(parameter, position)
