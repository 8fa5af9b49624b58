"""Checks of parameters: bounds, grids, categories, transformations, priors and default values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sigtune.definition.parameters import category_name, parameter_from_json, parse_value
from sigtune.definition.validation.fields import (
    LONGEST_NAME,
    choice_problems,
    duplicate_problems,
    is_list,
    item_path,
    name_problems,
    number_problems,
    unknown_field_problems,
)
from sigtune.errors import Code, Problem, nearest

PARAMETER_TYPES = ("double", "int", "categorical")
TRANSFORMATIONS = ("none", "log")
_PRIOR_FIELDS = {"normal": ("mean", "scale"), "beta": ("shape_a", "shape_b")}


def parameters_problems(parameters: Any, experiment_type: Any) -> list[Problem]:
    """Return what is wrong with the parameters; those of an experiment of type grid have grids.

    A field that SigOpt does not know is passed over in a parameter, as SigOpt does.
    """
    if not is_list(parameters) or not parameters:
        return [Problem("parameters", "expected a list of at least one parameter")]
    problems = duplicate_problems("parameters", parameters)
    for index, parameter in enumerate(parameters):
        path = item_path("parameters", index, parameter)
        problems += _parameter_problems(path, parameter)
        if experiment_type == "grid" and isinstance(parameter, Mapping):
            problems += _missing_grid_problems(path, parameter)
    return [replace(problem, code=Code.WRONG_PARAMETER) for problem in problems]


def _parameter_problems(path: str, parameter: Any) -> list[Problem]:
    if not isinstance(parameter, Mapping):
        return [Problem(path, f"expected a mapping, got {parameter!r}")]
    problems = name_problems(f"{path}.name", parameter)
    kind = parameter.get("type")
    if kind is None:
        return [*problems, Problem(f"{path}.type", "missing", ", ".join(PARAMETER_TYPES))]
    if kind not in PARAMETER_TYPES:
        what = f"unknown parameter type {kind!r}"
        return [*problems, Problem(f"{path}.type", what, nearest(str(kind), PARAMETER_TYPES))]
    own = (
        _categorical_problems(path, parameter)
        if kind == "categorical"
        else _numeric_problems(path, parameter)
    )
    return problems + (own or _default_problems(path, parameter))


def _missing_grid_problems(path: str, parameter: Mapping[str, Any]) -> list[Problem]:
    if parameter.get("type") == "categorical" or parameter.get("grid") is not None:
        return []
    return [Problem(f"{path}.grid", "missing; an experiment of type grid needs it", "[0.1, 0.2]")]


def _categorical_problems(path: str, parameter: Mapping[str, Any]) -> list[Problem]:
    problems = [
        Problem(f"{path}.{field}", f"a categorical parameter has no {field}", "categorical_values")
        for field in ("bounds", "grid", "transformation", "prior")
        if parameter.get(field) is not None
    ]
    key = f"{path}.categorical_values"
    values = parameter.get("categorical_values")
    if not is_list(values) or len(values) < 2:
        return [*problems, Problem(key, "expected a list of at least two values", '["a", "b"]')]
    names = [category_name(value) for value in values]
    for name in names:
        if not isinstance(name, str) or not name:
            problems.append(Problem(key, f"expected a string, got {name!r}", f'"{name}"'))
        elif len(name) > LONGEST_NAME:
            problems.append(Problem(key, f"{name[:20]}… is longer than {LONGEST_NAME} characters"))
    problems += [
        Problem(key, f"{name!r} is listed {count} times")
        for name, count in Counter(name for name in names if isinstance(name, str)).items()
        if count > 1
    ]
    return problems


def _numeric_problems(path: str, parameter: Mapping[str, Any]) -> list[Problem]:
    problems = []
    kind, bounds, grid = parameter["type"], parameter.get("bounds"), parameter.get("grid")
    if parameter.get("categorical_values"):
        what = f"a parameter of type {kind} has no categorical values"
        problems.append(Problem(f"{path}.categorical_values", what, "bounds or grid"))
    if bounds is not None and grid is not None:
        problems.append(Problem(f"{path}.grid", "given together with bounds", "one of the two"))
    elif bounds is not None:
        problems += _bounds_problems(f"{path}.bounds", bounds, kind)
    elif grid is not None:
        problems += _grid_problems(f"{path}.grid", grid, kind)
    else:
        problems.append(Problem(f"{path}.bounds", "missing", "bounds: {min: 0, max: 1}, or a grid"))
    if problems:
        return problems
    return _transformation_problems(f"{path}.transformation", parameter) + _prior_problems(
        f"{path}.prior", parameter
    )


def _bounds_problems(key: str, bounds: Any, kind: str) -> list[Problem]:
    if not isinstance(bounds, Mapping):
        return [Problem(key, f"expected min and max, got {bounds!r}", "{min: 0, max: 1}")]
    problems = unknown_field_problems(key, bounds, ("min", "max"))
    for end in ("min", "max"):
        problems += number_problems(f"{key}.{end}", bounds.get(end), kind)
    if not problems and bounds["min"] > bounds["max"]:
        remedy = f"{{min: {bounds['max']:g}, max: {bounds['min']:g}}}"
        what = f"the wrong way round: min {bounds['min']:g} is above max {bounds['max']:g}"
        problems.append(Problem(key, what, remedy))
    elif not problems and bounds["min"] == bounds["max"]:
        what = f"min and max are both {bounds['min']:g}; a parameter that cannot vary is not tuned"
        problems.append(Problem(key, what, "min below max"))
    return problems


def _grid_problems(key: str, grid: Any, kind: str) -> list[Problem]:
    if not is_list(grid) or len(grid) < 2:
        return [Problem(key, "expected a list of at least two numbers", "[0.1, 0.2]")]
    problems = []
    for index, value in enumerate(grid):
        problems += number_problems(f"{key}[{index}]", value, kind)
    if not problems and len(set(grid)) < len(grid):
        problems.append(Problem(key, "a value is listed twice"))
    return problems


def _transformation_problems(key: str, parameter: Mapping[str, Any]) -> list[Problem]:
    transformation = parameter.get("transformation")
    problems = choice_problems(key, transformation, TRANSFORMATIONS, "transformation")
    if problems or transformation is None:
        return problems
    if parameter["type"] != "double":
        return [Problem(key, "is for a parameter of type double", "type: double, or a grid")]
    low = min(parameter["grid"]) if parameter.get("grid") else parameter["bounds"]["min"]
    if transformation == "log" and low <= 0:
        return [Problem(key, f"log needs numbers above 0, and the lowest is {low:g}", "a min above 0")]
    return []


def _prior_problems(key: str, parameter: Mapping[str, Any]) -> list[Problem]:
    prior = parameter.get("prior")
    if prior is None:
        return []
    if parameter["type"] != "double" or parameter.get("bounds") is None:
        return [Problem(key, "is for a parameter of type double with bounds")]
    if parameter.get("transformation") == "log":
        return [Problem(key, "cannot be combined with the transformation log", "one of the two")]
    if not isinstance(prior, Mapping):
        return [Problem(key, f"expected a mapping, got {prior!r}", "{name: normal, mean: 0.5, scale: 0.1}")]
    name = str(prior.get("name"))
    if name not in _PRIOR_FIELDS:
        what = f"unknown prior {prior.get('name')!r}"
        return [Problem(f"{key}.name", what, nearest(name, _PRIOR_FIELDS))]
    fields = _PRIOR_FIELDS[name]
    problems = unknown_field_problems(key, prior, ("name", *fields))
    for field in fields:
        problems += number_problems(f"{key}.{field}", prior.get(field))
    return problems or _prior_value_problems(key, prior, parameter["bounds"])


def _prior_value_problems(key: str, prior: Mapping[str, Any], bounds: Mapping[str, Any]) -> list[Problem]:
    problems = [
        Problem(f"{key}.{field}", f"{prior[field]:g} is not above 0")
        for field in ("scale", "shape_a", "shape_b")
        if field in prior and prior[field] <= 0
    ]
    if "mean" in prior and not bounds["min"] <= prior["mean"] <= bounds["max"]:
        what = f"{prior['mean']:g} is outside the bounds {bounds['min']:g} to {bounds['max']:g}"
        problems.append(Problem(f"{key}.mean", what))
    return problems


def _default_problems(path: str, parameter: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the default value, which may be outside the bounds, as SigOpt has it."""
    if parameter.get("default_value") is None or not isinstance(parameter.get("name"), str):
        return []
    without_conditions = {**parameter, "conditions": None}  # these are checked elsewhere
    try:
        parse_value(parameter_from_json(without_conditions), parameter["default_value"], within_bounds=False)
    except ValueError as error:
        return [Problem(f"{path}.default_value", str(error))]
    return []
