"""The search space: what may be tried for each parameter.

Pure Python, so that checking a definition loads nothing heavy.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sigtune.definition.conditionals import Condition, conditions_from_json

Value: TypeAlias = float | int | str
Assignments: TypeAlias = dict[str, Value]

LARGEST_WHOLE = 2**53
"""Whole numbers up to here are exact in a double, which is how numbers are stored."""

PARAMETER_FIELDS = (
    "name",
    "type",
    "bounds",
    "grid",
    "categorical_values",
    "transformation",
    "default_value",
    "prior",
    "conditions",
)
"""What SigOpt lets a definition say of a parameter, in the order that a reader expects."""

_HUGE = sys.float_info.max


@dataclass(frozen=True)
class NormalPrior:
    """The belief that good values lie around `mean`, in the parameter's own units."""

    mean: float
    scale: float


@dataclass(frozen=True)
class BetaPrior:
    """The belief that good values are beta distributed between the parameter's bounds."""

    shape_a: float
    shape_b: float


Prior: TypeAlias = NormalPrior | BetaPrior


@dataclass(frozen=True)
class Parameter:
    """A tuned quantity. Exactly one of `bounds`, `grid` and `categories` is set.

    It is active, and has a value in the assignments, where all of its `conditions` hold. `default` may lie
    outside the bounds: it also stands in for a value that older observations lack.
    """

    name: str
    type: str
    bounds: tuple[float, float] | None = None
    grid: tuple[float, ...] | None = None
    categories: tuple[str, ...] | None = None
    log: bool = False
    default: Value | None = None
    prior: Prior | None = None
    conditions: tuple[Condition, ...] = ()

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
        """The lowest and the highest number that may be tried."""
        if self.bounds is not None:
            return self.bounds
        if self.grid is None:
            raise TypeError(f"parameter {self.name} is not a number")
        return self.grid[0], self.grid[-1]

    def number(self, value: float) -> float | int:
        """Return a number as this parameter's type."""
        return int(value) if self.type == "int" else float(value)


def parameter_from_json(definition: Mapping[str, Any]) -> Parameter:
    """Build a parameter from a definition in SigOpt's shape that validation has passed, default aside."""
    bounds, grid, categories = (definition.get(key) for key in ("bounds", "grid", "categorical_values"))
    return Parameter(
        name=definition["name"],
        type=definition["type"],
        # SigOpt's own answers give a grid's bounds too.
        bounds=None if bounds is None or grid else (float(bounds["min"]), float(bounds["max"])),
        grid=tuple(sorted(float(value) for value in grid)) if grid else None,
        categories=tuple(category_name(category) for category in categories) if categories else None,
        log=definition.get("transformation") == "log",
        default=definition.get("default_value"),
        prior=_prior_from_json(definition.get("prior")),
        conditions=conditions_from_json(definition.get("conditions")),
    )


def _prior_from_json(prior: Mapping[str, Any] | None) -> Prior | None:
    if prior is None:
        return None
    if prior["name"] == "normal":
        return NormalPrior(float(prior["mean"]), float(prior["scale"]))
    return BetaPrior(float(prior["shape_a"]), float(prior["shape_b"]))


def category_name(category: Any) -> Any:
    """Return the name of a categorical value, given either as its name or as an object that has one."""
    return category.get("name") if isinstance(category, Mapping) else category


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number; True and False are not."""
    # A comparison, because math.isfinite cannot take a whole number too large for a double.
    return isinstance(value, int | float) and not isinstance(value, bool) and -_HUGE <= value <= _HUGE


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number that a double holds exactly."""
    return is_number(value) and value == int(value) and abs(value) <= LARGEST_WHOLE


def parse_value(parameter: Parameter, value: Any, *, within_bounds: bool = True) -> Value:
    """Return the value as the parameter's own type.

    Raises ValueError, saying what is wrong with it, when the parameter cannot take the value. Without
    `within_bounds` a number outside the bounds passes, as SigOpt has it for defaults and for history.
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
    if parameter.log and value <= 0:
        raise ValueError(f"{value:g} has no logarithm")
    if within_bounds and parameter.bounds is not None:
        low, high = parameter.bounds
        if not low <= value <= high:
            raise ValueError(f"{value:g} is outside the bounds {low:g} to {high:g}")
    return parameter.number(value)
