"""Checks of linear constraints. Whether several together leave anything is for the optimizer to find out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sigtune.definition.parameters import is_number
from sigtune.definition.validation.fields import (
    choice_problems,
    is_list,
    number_problems,
    unknown_field_problems,
)
from sigtune.errors import Problem, nearest

CONSTRAINT_TYPES = ("greater_than", "less_than")


def linear_constraints_problems(constraints: Any, parameters: Any) -> list[Problem]:
    """Return what is wrong with the linear constraints on these parameters."""
    if constraints is None:
        return []
    if not is_list(constraints):
        return [Problem("linear_constraints", f"expected a list, got {constraints!r}")]
    by_name = {
        item["name"]: item
        for item in (parameters if is_list(parameters) else ())
        if isinstance(item, Mapping) and isinstance(item.get("name"), str)
    }
    problems = []
    for index, constraint in enumerate(constraints):
        problems += _constraint_problems(f"linear_constraints[{index}]", constraint, by_name)
    return problems


def _constraint_problems(path: str, constraint: Any, parameters: Mapping[str, Any]) -> list[Problem]:
    if not isinstance(constraint, Mapping):
        return [Problem(path, f"expected a mapping, got {constraint!r}")]
    problems = unknown_field_problems(path, constraint, ("type", "threshold", "terms"))
    kind, terms = constraint.get("type"), constraint.get("terms")
    if kind is None:
        problems.append(Problem(f"{path}.type", "missing", " or ".join(CONSTRAINT_TYPES)))
    problems += choice_problems(f"{path}.type", kind, CONSTRAINT_TYPES, "type")
    problems += number_problems(f"{path}.threshold", constraint.get("threshold"))
    if not is_list(terms):
        return [*problems, Problem(f"{path}.terms", "expected a list of terms", "[{name: x, weight: 1}]")]
    for index, term in enumerate(terms):
        problems += _term_problems(f"{path}.terms[{index}]", term, parameters)
    if problems:
        return problems
    return _combination_problems(f"{path}.terms", terms, parameters) or _range_problems(
        f"{path}.threshold", constraint, parameters
    )


def _term_problems(path: str, term: Any, parameters: Mapping[str, Any]) -> list[Problem]:
    if not isinstance(term, Mapping):
        return [Problem(path, f"expected a mapping, got {term!r}", "{name: x, weight: 1}")]
    problems = unknown_field_problems(path, term, ("name", "weight"))
    problems += number_problems(f"{path}.weight", term.get("weight"))
    name = term.get("name")
    if not isinstance(name, str) or name not in parameters:
        return [*problems, Problem(f"{path}.name", f"no parameter {name!r}", nearest(str(name), parameters))]
    parameter = parameters[name]
    reasons = {
        "is not a number": parameter.get("type") not in ("double", "int"),
        "has the transformation log": parameter.get("transformation") == "log",
        "has a grid": parameter.get("grid") is not None,
        "has conditions": bool(parameter.get("conditions")),
    }
    what = [f"parameter {name} {reason}" for reason, holds in reasons.items() if holds]
    return problems + [Problem(f"{path}.name", reason, "a parameter with bounds only") for reason in what]


def _combination_problems(key: str, terms: Any, parameters: Mapping[str, Any]) -> list[Problem]:
    names = [term["name"] for term in terms if term["weight"] != 0]
    if len(set(names)) < len(names):
        return [Problem(key, "a parameter is in two terms", "one term for each parameter")]
    if len(names) < 2:
        return [Problem(key, "expected at least two terms with a weight", "bounds for a single parameter")]
    if len({parameters[name]["type"] for name in names}) > 1:
        return [Problem(key, "parameters of type int and double are mixed", "one of the two types")]
    return []


def _range_problems(key: str, constraint: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[Problem]:
    """Return whether no point within the bounds meets the constraint."""
    lowest, highest = [], []
    for term in constraint["terms"]:
        bounds = parameters[term["name"]].get("bounds")
        ends = [bounds.get("min"), bounds.get("max")] if isinstance(bounds, Mapping) else [None]
        if not all(is_number(end) for end in ends):
            return []  # the parameter's own problem
        products = [term["weight"] * end for end in ends]
        lowest.append(min(products))
        highest.append(max(products))
    least, most = sum(lowest), sum(highest)
    unmet = most < constraint["threshold"]
    if constraint["type"] == "less_than":
        unmet = least > constraint["threshold"]
    if not unmet or math.isnan(least + most):
        return []
    return [Problem(key, f"cannot be met: within the bounds the sum is from {least:g} to {most:g}")]
