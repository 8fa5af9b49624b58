"""Linear constraints on parameters: weighted sums that every suggestion keeps on one side of a threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ROUNDING = 1e-9
"""How far, relative to the largest term, a sum may miss its threshold: sums of doubles are not exact."""


@dataclass(frozen=True)
class Term:
    """One summand: the parameter `name` times `weight`."""

    name: str
    weight: float


@dataclass(frozen=True)
class LinearConstraint:
    """The sum of the terms is at least (`greater_than`) or at most (`less_than`) the threshold."""

    type: str
    threshold: float
    terms: tuple[Term, ...]

    @property
    def sign(self) -> float:
        """1 for `greater_than`, -1 for `less_than`: sign · (sum - threshold) is not negative."""
        return 1.0 if self.type == "greater_than" else -1.0

    def is_met(self, assignments: Mapping[str, Any]) -> bool:
        """Return whether the assignments meet the constraint, rounding aside."""
        unit = max(
            abs(term.weight) for term in self.terms
        )  # no sum or product of the widest bounds overflows
        terms: list[float] = [term.weight / unit * assignments[term.name] for term in self.terms]
        threshold = self.threshold / unit
        scale = max(abs(threshold), *map(abs, terms)) or 1.0
        distance = math.fsum(term / scale for term in terms) - threshold / scale
        return self.sign * distance >= -_ROUNDING


def constraint_from_json(definition: Mapping[str, Any]) -> LinearConstraint:
    """Build a constraint from a definition in SigOpt's shape that validation has passed."""
    return LinearConstraint(
        definition["type"],
        float(definition["threshold"]),
        tuple(
            Term(term["name"], float(term["weight"])) for term in definition["terms"] if term["weight"] != 0
        ),
    )
