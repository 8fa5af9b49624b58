"""Checks of an experiment's definition, made before anything of it is stored.

The keys of the problems are relative to the definition, with a parameter's or metric's name where it has one:
`parameters.max_lr.bounds`, `metrics[0].name`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeGuard

from sigtune.definition.parameters import category_name, is_number, is_whole, parameter_from_json, parse_value
from sigtune.errors import Code, Problem, nearest

PARAMETER_TYPES = ("double", "int", "categorical")
OBJECTIVES = ("maximize", "minimize")
STRATEGIES = ("optimize", "store", "constraint")
MAX_OPTIMIZED_METRICS = 2

_EXPERIMENT_FIELDS = (
    "name",
    "parameters",
    "metrics",
    "observation_budget",
    "parallel_bandwidth",
    "project",
    "metadata",
    "type",
    "num_solutions",
)
_PARAMETER_FIELDS = (
    "name",
    "type",
    "bounds",
    "grid",
    "categorical_values",
    "transformation",
    "default_value",
)
_METRIC_FIELDS = ("name", "objective", "strategy", "threshold")

# What SigOpt knows and the embedded backend does not; given empty or null, as in an experiment that was
# fetched and is created again, these ask for nothing and pass.
_UNSUPPORTED_EXPERIMENT_FIELDS = {
    "conditionals": "conditional parameters",
    "linear_constraints": "linear constraints",
    "tasks": "tasks (multitask experiments)",
    "training_monitor": "a training monitor (early stopping)",
    "runs_only": "experiments of training runs",
    "budget": "experiments of training runs (use observation_budget)",
    "metric": "the old `metric` field (use metrics)",
}
_UNSUPPORTED_PARAMETER_FIELDS = {
    "conditions": "conditional parameters",
    "prior": "priors",
    "precision": "precision",
    "tunable": "the old `tunable` field (leave the parameter out)",
}


def experiment_problems(definition: Mapping[str, Any]) -> list[Problem]:
    """Return everything that is wrong with an experiment's definition, in the order of its fields.

    `definition` has the shape of the body that creates an experiment in SigOpt's API; a field that is None
    counts as absent. An empty list means that the embedded backend will create it.
    """
    return [
        *_field_problems("", definition, _EXPERIMENT_FIELDS, _UNSUPPORTED_EXPERIMENT_FIELDS),
        *_name_problems("name", definition),
        *_parameters_problems(definition.get("parameters")),
        *_metrics_problems(definition.get("metrics")),
        *_count_problems("observation_budget", definition),
        *_budget_problems(definition),
        *_count_problems("parallel_bandwidth", definition),
        *_solutions_problems(definition),
        *_type_problems(definition),
        *_project_problems(definition),
        *metadata_problems(definition.get("metadata")),
    ]


def metadata_problems(metadata: Any) -> list[Problem]:
    """Return what is wrong with metadata: it maps strings to strings, numbers, booleans or null."""
    if metadata is None:
        return []
    if not isinstance(metadata, Mapping):
        return [Problem("metadata", f"expected a mapping, got {metadata!r}")]
    return [
        Problem(f"metadata.{key}", f"cannot hold {value!r}", "a string, a number, true, false or null")
        for key, value in metadata.items()
        if not isinstance(key, str) or not _is_scalar(value)
    ]


def _is_scalar(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return is_whole(value)
    return value is None or isinstance(value, str | bool) or is_number(value)


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def _field_problems(
    path: str, given: Mapping[str, Any], known: Sequence[str], unsupported: Mapping[str, str]
) -> list[Problem]:
    problems = []
    for field, value in given.items():
        if field in unsupported:
            if value not in (None, False, [], {}, ()):
                what = f"the embedded backend does not support {unsupported[field]}"
                problems.append(Problem(_join(path, field), what))
        elif field not in known and field != "object":
            problems.append(Problem(_join(path, str(field)), "unknown field", nearest(str(field), known)))
    return problems


def _name_problems(path: str, given: Mapping[str, Any]) -> list[Problem]:
    name = given.get("name")
    if name is None:
        return [Problem(path, "missing", "a name")]
    if not isinstance(name, str):
        return [Problem(path, f"expected a string, got {name!r}")]
    return [] if name.strip() else [Problem(path, "empty", "a name")]


def _count_problems(field: str, definition: Mapping[str, Any]) -> list[Problem]:
    count = definition.get(field)
    if count is None or (is_whole(count) and count >= 1):
        return []
    return [Problem(field, f"expected a whole number of at least 1, got {count!r}", "10")]


def _budget_problems(definition: Mapping[str, Any]) -> list[Problem]:
    if definition.get("observation_budget") is not None or len(_optimized(definition.get("metrics"))) < 2:
        return []
    return [Problem("observation_budget", "missing; an experiment with two optimized metrics needs it", "20")]


def _solutions_problems(definition: Mapping[str, Any]) -> list[Problem]:
    if definition.get("num_solutions") in (None, 1):
        return []
    return [Problem("num_solutions", "the embedded backend supports one solution only", "1")]


def _type_problems(definition: Mapping[str, Any]) -> list[Problem]:
    if definition.get("type") in (None, "offline"):
        return []
    what = f"the embedded backend does not support experiments of type {definition['type']!r}"
    return [Problem("type", what, "offline")]


def _project_problems(definition: Mapping[str, Any]) -> list[Problem]:
    project = definition.get("project")
    if project is None or (isinstance(project, str) and project):
        return []
    return [Problem("project", f"expected the id of a project, got {project!r}")]


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _item_path(collection: str, index: int, item: Any) -> str:
    name = item.get("name") if isinstance(item, Mapping) else None
    return f"{collection}.{name}" if isinstance(name, str) and name.strip() else f"{collection}[{index}]"


def _duplicate_problems(collection: str, items: Sequence[Any]) -> list[Problem]:
    names = Counter(
        item["name"] for item in items if isinstance(item, Mapping) and isinstance(item.get("name"), str)
    )
    return [
        Problem(f"{collection}.{name}", f"defined {count} times", "one name each")
        for name, count in names.items()
        if count > 1
    ]


def _parameters_problems(parameters: Any) -> list[Problem]:
    if not _is_list(parameters) or not parameters:
        return [Problem("parameters", "expected a list of at least one parameter")]
    problems = _duplicate_problems("parameters", parameters)
    for index, parameter in enumerate(parameters):
        problems += _parameter_problems(_item_path("parameters", index, parameter), parameter)
    return [replace(problem, code=Code.WRONG_PARAMETER) for problem in problems]


def _parameter_problems(path: str, parameter: Any) -> list[Problem]:
    if not isinstance(parameter, Mapping):
        return [Problem(path, f"expected a mapping, got {parameter!r}")]
    problems = _field_problems(path, parameter, _PARAMETER_FIELDS, _UNSUPPORTED_PARAMETER_FIELDS)
    problems += _name_problems(f"{path}.name", parameter)
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


def _categorical_problems(path: str, parameter: Mapping[str, Any]) -> list[Problem]:
    problems = [
        Problem(f"{path}.{field}", f"a categorical parameter has no {field}", "categorical_values")
        for field in ("bounds", "grid", "transformation")
        if parameter.get(field) is not None
    ]
    key = f"{path}.categorical_values"
    values = parameter.get("categorical_values")
    if not _is_list(values) or len(values) < 2:
        return [*problems, Problem(key, "expected a list of at least two values", '["a", "b"]')]
    names = [category_name(value) for value in values]
    for position, (name, value) in enumerate(zip(names, values, strict=True), start=1):
        if not isinstance(name, str) or not name:
            problems.append(Problem(key, f"expected a string, got {name!r}", f'"{name}"'))
        elif isinstance(value, Mapping):
            problems += _category_object_problems(f"{key}.{name}", position, value)
    problems += [
        Problem(key, f"{name!r} is listed {count} times")
        for name, count in Counter(map(repr, names)).items()
        if count > 1
    ]
    return problems


def _category_object_problems(path: str, position: int, value: Mapping[str, Any]) -> list[Problem]:
    problems = _field_problems(path, value, ("name", "enum_index"), {})
    if value.get("enum_index") not in (None, position):
        problems.append(Problem(f"{path}.enum_index", "does not match the value's place", str(position)))
    return problems


def _numeric_problems(path: str, parameter: Mapping[str, Any]) -> list[Problem]:
    problems = []
    bounds, grid = parameter.get("bounds"), parameter.get("grid")
    if parameter.get("categorical_values"):
        what = f"a parameter of type {parameter['type']} has no categorical values"
        problems.append(Problem(f"{path}.categorical_values", what, "bounds or grid"))
    if bounds is not None and grid is not None:
        problems.append(Problem(f"{path}.grid", "given together with bounds", "one of the two"))
    elif bounds is not None:
        problems += _bounds_problems(f"{path}.bounds", bounds, parameter["type"])
    elif grid is not None:
        problems += _grid_problems(f"{path}.grid", grid, parameter["type"])
    else:
        problems.append(Problem(f"{path}.bounds", "missing", "bounds: {min: 0, max: 1}, or a grid"))
    return problems + _transformation_problems(f"{path}.transformation", parameter)


def _number_problems(key: str, number: Any, kind: str) -> list[Problem]:
    if number is None:
        return [Problem(key, "missing", "a number")]
    if not is_number(number):
        return [Problem(key, f"expected a finite number, got {number!r}")]
    if kind == "int" and not is_whole(number):
        return [Problem(key, f"{number!r} is not a whole number", f"{round(number)}, or type double")]
    return []


def _bounds_problems(key: str, bounds: Any, kind: str) -> list[Problem]:
    if not isinstance(bounds, Mapping):
        return [Problem(key, f"expected min and max, got {bounds!r}", "{min: 0, max: 1}")]
    problems = _field_problems(key, bounds, ("min", "max"), {})
    for end in ("min", "max"):
        problems += _number_problems(f"{key}.{end}", bounds.get(end), kind)
    if not problems and bounds["min"] > bounds["max"]:
        remedy = f"{{min: {bounds['max']:g}, max: {bounds['min']:g}}}"
        what = f"the wrong way round: min {bounds['min']:g} is above max {bounds['max']:g}"
        problems.append(Problem(key, what, remedy))
    elif not problems and bounds["min"] == bounds["max"]:
        what = f"min and max are both {bounds['min']:g}; a parameter that cannot vary is not tuned"
        problems.append(Problem(key, what, "min below max"))
    return problems


def _grid_problems(key: str, grid: Any, kind: str) -> list[Problem]:
    if not _is_list(grid) or len(grid) < 2:
        return [Problem(key, "expected a list of at least two numbers", "[0.1, 0.2]")]
    problems = []
    for index, value in enumerate(grid):
        problems += _number_problems(f"{key}[{index}]", value, kind)
    if not problems and len(set(grid)) < len(grid):
        problems.append(Problem(key, "a value is listed twice"))
    return problems


def _transformation_problems(key: str, parameter: Mapping[str, Any]) -> list[Problem]:
    transformation = parameter.get("transformation")
    if transformation in (None, "none"):
        return []
    if transformation != "log":
        return [Problem(key, f"unknown transformation {transformation!r}", "log")]
    if parameter["type"] != "double" or parameter.get("grid") is not None:
        return [Problem(key, "log is for a parameter of type double with bounds")]
    bounds = parameter.get("bounds")
    low = bounds.get("min") if isinstance(bounds, Mapping) else None
    if is_number(low) and low <= 0:  # type: ignore[operator]
        return [Problem(key, f"log needs bounds above 0, and min is {low:g}", "a min above 0")]
    return []


def _default_problems(path: str, parameter: Mapping[str, Any]) -> list[Problem]:
    if parameter.get("default_value") is None or not isinstance(parameter.get("name"), str):
        return []
    try:
        parse_value(parameter_from_json(parameter), parameter["default_value"])
    except ValueError as error:
        return [Problem(f"{path}.default_value", str(error))]
    return []


def _metrics_problems(metrics: Any) -> list[Problem]:
    if not _is_list(metrics) or not metrics:
        return [Problem("metrics", "expected a list of at least one metric", "[{name: accuracy}]")]
    metrics = [metric_object(metric) for metric in metrics]
    problems = _duplicate_problems("metrics", metrics)
    for index, metric in enumerate(metrics):
        problems += _metric_problems(_item_path("metrics", index, metric), metric)
    optimized = len(_optimized(metrics))
    if optimized > MAX_OPTIMIZED_METRICS:
        what = f"{optimized} are optimized; the embedded backend supports {MAX_OPTIMIZED_METRICS}"
        problems.append(Problem("metrics", what, "strategy: store for the others"))
    elif not optimized and not problems:
        problems.append(Problem("metrics", "none is optimized", "strategy: optimize for one"))
    return problems


def metric_object(metric: Any) -> Any:
    """Return a metric as an object: SigOpt also takes a bare name."""
    return {"name": metric} if isinstance(metric, str) else metric


def _optimized(metrics: Any) -> list[Any]:
    objects = [metric_object(metric) for metric in metrics] if _is_list(metrics) else []
    return [
        metric
        for metric in objects
        if isinstance(metric, Mapping) and metric.get("strategy") in (None, "optimize")
    ]


def _metric_problems(path: str, metric: Any) -> list[Problem]:
    if not isinstance(metric, Mapping):
        return [Problem(path, f"expected a name or a mapping, got {metric!r}")]
    problems = _field_problems(path, metric, _METRIC_FIELDS, {})
    problems += _name_problems(f"{path}.name", metric)
    objective, strategy = metric.get("objective"), metric.get("strategy")
    if objective is not None and objective not in OBJECTIVES:
        what = f"unknown objective {objective!r}"
        problems.append(Problem(f"{path}.objective", what, nearest(str(objective), OBJECTIVES)))
    if strategy is not None and strategy not in STRATEGIES:
        what = f"unknown strategy {strategy!r}"
        problems.append(Problem(f"{path}.strategy", what, nearest(str(strategy), STRATEGIES)))
    return problems + _threshold_problems(f"{path}.threshold", metric)


def _threshold_problems(key: str, metric: Mapping[str, Any]) -> list[Problem]:
    threshold = metric.get("threshold")
    if metric.get("strategy") == "constraint":
        return _number_problems(key, threshold, "double")
    if threshold is None:
        return []
    what = "the embedded backend supports a threshold for a constraint only"
    return [Problem(key, what, "strategy: constraint")]
