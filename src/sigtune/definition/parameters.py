"""The search space: what may be tried for each parameter, and its map to and from the unit interval.

Pure Python, so that checking a definition loads nothing heavy.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Value: TypeAlias = float | int | str
Assignments: TypeAlias = dict[str, Value]

LARGEST_WHOLE = 2**53
"""Whole numbers up to here are exact in a double, which is how numbers are stored."""

_HUGE = sys.float_info.max


@dataclass(frozen=True)
class Parameter:
    """A tuned quantity. Exactly one of `bounds`, `grid` and `categories` is set."""

    name: str
    type: str
    bounds: tuple[float, float] | None = None
    grid: tuple[float, ...] | None = None
    categories: tuple[str, ...] | None = None
    log: bool = False
    default: Value | None = None

    @property
    def choices(self) -> Sequence[Value] | None:
        """Everything that may be tried, in order; None for a double within bounds."""
        if self.categories is not None:
            return self.categories
        if self.grid is not None:
            return [self.number(value) for value in self.grid]
        if self.type == "int":
            low, high = self.limits
            return range(int(low), int(high) + 1)
        return None

    @property
    def limits(self) -> tuple[float, float]:
        """The bounds of a parameter that has bounds."""
        if self.bounds is None:
            raise TypeError(f"parameter {self.name} has no bounds")
        return self.bounds

    def number(self, value: float) -> float | int:
        """Return a number as this parameter's type."""
        return int(value) if self.type == "int" else float(value)


def parameter_from_json(definition: Mapping[str, Any]) -> Parameter:
    """Build a parameter from a definition in SigOpt's shape that validation has passed, default aside."""
    bounds, grid, categories = (definition.get(key) for key in ("bounds", "grid", "categorical_values"))
    return Parameter(
        name=definition["name"],
        type=definition["type"],
        bounds=None if bounds is None else (float(bounds["min"]), float(bounds["max"])),
        grid=tuple(sorted(float(value) for value in grid)) if grid else None,
        categories=tuple(category_name(category) for category in categories) if categories else None,
        log=definition.get("transformation") == "log",
        default=definition.get("default_value"),
    )


def category_name(category: Any) -> Any:
    """Return the name of a categorical value, given either as its name or as an object that has one."""
    return category.get("name") if isinstance(category, Mapping) else category


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number; True and False are not."""
    # A comparison, because math.isfinite cannot take a whole number too large for a double.
    return isinstance(value, int | float) and not isinstance(value, bool) and -_HUGE <= value <= _HUGE


def is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number that a double holds exactly."""
    return is_number(value) and value == int(value) and abs(value) <= LARGEST_WHOLE


def parse_value(parameter: Parameter, value: Any) -> Value:
    """Return the value as the parameter's own type.

    Raises ValueError, saying what is wrong with it, when the parameter cannot take the value.
    """
    if parameter.categories is not None:
        if value not in parameter.categories:
            raise ValueError(f"{value!r} is not one of {', '.join(parameter.categories)}")
        return str(value)
    if not is_number(value):
        raise ValueError(f"expected a number, got {value!r}")
    if parameter.type == "int" and not is_whole(value):
        raise ValueError(f"{value:g} is not a whole number")
    if parameter.grid is not None and value not in parameter.grid:
        raise ValueError(f"{value:g} is not on the grid {', '.join(f'{step:g}' for step in parameter.grid)}")
    if parameter.bounds is not None and not parameter.bounds[0] <= value <= parameter.bounds[1]:
        raise ValueError(
            f"{value:g} is outside the bounds {parameter.bounds[0]:g} to {parameter.bounds[1]:g}"
        )
    return parameter.number(value)
