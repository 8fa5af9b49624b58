"""Conditionals: choices that decide which parameters there are.

A conditional has a value in every point's assignments, as a categorical parameter has; a parameter with
conditions has one only where they hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Conditional:
    """A named choice between `values`."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Condition:
    """What a parameter needs to be active: the conditional `name` has one of `values`."""

    name: str
    values: tuple[str, ...]

    def holds(self, assignments: Mapping[str, Any]) -> bool:
        """Return whether the assignments choose one of the values."""
        return assignments.get(self.name) in self.values


def all_hold(conditions: Sequence[Condition], assignments: Mapping[str, Any]) -> bool:
    """Return whether a parameter with these conditions is active at the assignments."""
    return all(condition.holds(assignments) for condition in conditions)


def conditional_from_json(definition: Mapping[str, Any]) -> Conditional:
    """Build a conditional from a definition in SigOpt's shape that validation has passed."""
    return Conditional(definition["name"], tuple(definition["values"]))


def conditions_from_json(conditions: Mapping[str, Any] | None) -> tuple[Condition, ...]:
    """Build a parameter's conditions from SigOpt's shape; a single value may stand for a list of one."""
    return tuple(Condition(name, condition_values(values)) for name, values in (conditions or {}).items())


def condition_values(values: Any) -> tuple[Any, ...]:
    """Return the values of a condition, given as a list or as one value."""
    return (values,) if isinstance(values, str) else tuple(values)
