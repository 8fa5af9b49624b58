"""Checks of conditionals, and of the parameters' conditions on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigtune.definition.conditionals import condition_values
from sigtune.definition.validation.fields import (
    duplicate_problems,
    is_list,
    item_path,
    name_problems,
    unknown_field_problems,
)
from sigtune.errors import Problem, nearest


def conditionals_problems(conditionals: Any, parameters: Any) -> list[Problem]:
    """Return what is wrong with the conditionals, and with each parameter's conditions."""
    if conditionals is None:
        conditionals = []
    if not is_list(conditionals):
        return [Problem("conditionals", f"expected a list, got {conditionals!r}")]
    taken = [item.get("name") for item in _objects(parameters)]
    problems = duplicate_problems("conditionals", conditionals)
    for index, conditional in enumerate(conditionals):
        path = item_path("conditionals", index, conditional)
        problems += _conditional_problems(path, conditional)
        if isinstance(conditional, Mapping) and conditional.get("name") in taken:
            problems.append(Problem(f"{path}.name", "is the name of a parameter too", "another name"))
    values = {} if problems else {item["name"]: item["values"] for item in conditionals}
    for index, parameter in enumerate(parameters if is_list(parameters) else ()):
        if isinstance(parameter, Mapping) and not problems:
            path = f"{item_path('parameters', index, parameter)}.conditions"
            problems += _conditions_problems(path, parameter.get("conditions"), values)
    return problems


def _objects(items: Any) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, Mapping)] if is_list(items) else []


def _conditional_problems(path: str, conditional: Any) -> list[Problem]:
    if not isinstance(conditional, Mapping):
        return [Problem(path, f"expected a mapping, got {conditional!r}", "{name: model, values: [a, b]}")]
    problems = unknown_field_problems(path, conditional, ("name", "values"))
    problems += name_problems(f"{path}.name", conditional)
    values = conditional.get("values")
    if not is_list(values) or len(values) < 2:
        problems.append(Problem(f"{path}.values", "expected a list of at least two values", '["a", "b"]'))
    elif not all(isinstance(value, str) and value for value in values):
        problems.append(Problem(f"{path}.values", "expected strings"))
    elif len(set(values)) < len(values):
        problems.append(Problem(f"{path}.values", "a value is listed twice"))
    return problems


def _conditions_problems(path: str, conditions: Any, values: Mapping[str, Any]) -> list[Problem]:
    if conditions is None:
        return []
    if not isinstance(conditions, Mapping):
        return [Problem(path, f"expected a mapping, got {conditions!r}", "{model: [a]}")]
    problems = []
    for name, chosen in conditions.items():
        key = f"{path}.{name}"
        if name not in values:
            problems.append(Problem(key, "no such conditional", nearest(str(name), values) if values else ""))
        elif not isinstance(chosen, str) and (not is_list(chosen) or not chosen):
            problems.append(Problem(key, "expected a list of at least one value", f'["{values[name][0]}"]'))
        else:
            problems += [
                Problem(
                    key, f"{value!r} is not a value of the conditional", nearest(str(value), values[name])
                )
                for value in condition_values(chosen)
                if value not in values[name]
            ]
    return problems
