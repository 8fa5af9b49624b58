"""What an experiment is, between SigOpt's JSON, the rows that hold it and the search's own form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigtune.backend.requests import Json
from sigtune.backend.tables import (
    CategoricalValueRow,
    ConditionalRow,
    ConditionalValueRow,
    ConstraintTermRow,
    ExperimentRow,
    GridValueRow,
    LinearConstraintRow,
    MetricRow,
    ParameterConditionRow,
    ParameterRow,
    TaskRow,
)
from sigtune.definition.experiment import ExperimentDefinition, definition_from_json
from sigtune.definition.metrics import metric_from_json, metric_objects
from sigtune.definition.parameters import Parameter, parameter_from_json, parse_value

_PRIOR_FIELDS = {"normal": ("mean", "scale"), "beta": ("shape_a", "shape_b")}


def read_definition(experiment: ExperimentRow) -> ExperimentDefinition:
    """Return what suggestions depend on, as the rows say it."""
    return definition_from_json(definition_json(experiment))


def definition_json(experiment: ExperimentRow) -> Json:
    """Return the definition in SigOpt's shape, in the order it was given."""
    return {
        "parameters": [parameter_json(row) for row in experiment.parameters],
        "metrics": [metric_json(row) for row in experiment.metrics],
        "conditionals": [_conditional_json(row) for row in experiment.conditionals],
        "linear_constraints": [_constraint_json(row) for row in experiment.linear_constraints],
        "tasks": [task_json(row) for row in sorted(experiment.tasks, key=lambda row: -row.cost)],
        "type": experiment.type,
        "observation_budget": experiment.observation_budget,
        "parallel_bandwidth": experiment.parallel_bandwidth,
        "num_solutions": experiment.num_solutions,
    }


def shown_definition(experiment: ExperimentRow) -> Json:
    """Return the definition as answers have it: sorted by name, and some things only where there are any."""
    definition = definition_json(experiment)
    definition.pop("observation_budget")
    for collection in ("parameters", "metrics", "conditionals"):
        definition[collection].sort(key=lambda item: item["name"] or "")
    if not definition["tasks"]:
        definition.pop("tasks")
    if experiment.type == "grid":
        for parameter in definition["parameters"]:
            if parameter["categorical_values"]:
                parameter["grid"] = [value["name"] for value in parameter["categorical_values"]]
    return definition


def define(experiment: ExperimentRow, data: Mapping[str, Any]) -> None:
    """Give an experiment the rows of a definition that validation has passed."""
    experiment.conditionals = [
        ConditionalRow(
            position=index,
            name=item["name"],
            values=[
                ConditionalValueRow(position=place, name=name) for place, name in enumerate(item["values"])
            ],
        )
        for index, item in enumerate(data.get("conditionals") or ())
    ]
    experiment.parameters = [
        parameter_row(index, item, experiment.conditionals) for index, item in enumerate(data["parameters"])
    ]
    experiment.metrics = [
        _metric_row(index, item) for index, item in enumerate(metric_objects(data.get("metrics")))
    ]
    experiment.tasks = [TaskRow(name=item["name"], cost=item["cost"]) for item in data.get("tasks") or ()]
    experiment.linear_constraints = [
        _constraint_row(index, item, experiment.parameters)
        for index, item in enumerate(data.get("linear_constraints") or ())
    ]


def parameter_row(
    position: int, definition: Mapping[str, Any], conditionals: Sequence[ConditionalRow] = ()
) -> ParameterRow:
    """Return the row of a new parameter."""
    parameter = parameter_from_json(definition)
    row = ParameterRow(
        position=position,
        name=parameter.name,
        type=parameter.type,
        transformation="log" if parameter.log else None,
        conditions=_condition_rows(parameter, conditionals),
    )
    set_domain(row, parameter)
    set_default(row, parameter)
    set_prior(row, definition.get("prior"))
    return row


def set_domain(row: ParameterRow, parameter: Parameter) -> None:
    """Give a parameter's row its bounds, grid or categories; a category keeps the number it once had."""
    low, high = parameter.bounds or (None, None)
    row.minimum, row.maximum = low, high
    row.grid = [GridValueRow(position=index, value=value) for index, value in enumerate(parameter.grid or ())]
    known = {value.name: value for value in row.categories}
    for value in row.categories:
        value.deleted = value.name not in (parameter.categories or ())
    highest = max((value.enum_index for value in row.categories), default=0)
    for name in parameter.categories or ():
        if name not in known:
            highest += 1
            row.categories.append(CategoricalValueRow(enum_index=highest, name=name))


def set_default(row: ParameterRow, parameter: Parameter) -> None:
    """Give a parameter's row its default value."""
    default = parameter.default
    value = None if default is None else parse_value(parameter, default, within_bounds=False)
    row.default_category = value if isinstance(value, str) else None
    row.default_number = None if isinstance(value, str) or value is None else float(value)


def set_prior(row: ParameterRow, prior: Mapping[str, Any] | None) -> None:
    """Give a parameter's row its prior."""
    row.prior = None if prior is None else prior["name"]
    for name, fields in _PRIOR_FIELDS.items():
        for field in fields:
            given = prior is not None and prior["name"] == name
            setattr(row, f"prior_{field}", float(prior[field]) if given and prior is not None else None)


def parameter_json(row: ParameterRow) -> Json:
    """Return a parameter in SigOpt's shape."""
    number = int if row.type == "int" else float
    default: str | float | None = row.default_category
    if row.default_number is not None:
        default = number(row.default_number)
    bounds = _bounds(row)
    parameter: Json = {
        "object": "parameter",
        "name": row.name,
        "type": row.type,
        "bounds": bounds and {"object": "bounds", "min": number(bounds[0]), "max": number(bounds[1])},
        "categorical_values": None,
        "transformation": row.transformation,
        "default_value": default,
        "conditions": _conditions_json(row),
        "prior": _prior_json(row),
    }
    if row.grid:
        parameter["grid"] = [number(step.value) for step in row.grid]
    if row.type == "categorical":
        parameter["categorical_values"] = [
            {"object": "categorical_value", "name": value.name, "enum_index": value.enum_index}
            for value in row.categories
            if not value.deleted
        ]
    return parameter


def metric_json(row: MetricRow) -> Json:
    """Return a metric in SigOpt's shape."""
    return {
        "object": "metric",
        "name": row.name or None,
        "objective": row.objective,
        "strategy": row.strategy,
        "threshold": row.threshold,
    }


def task_json(row: TaskRow) -> Json:
    """Return a task in SigOpt's shape."""
    return {"object": "task", "name": row.name, "cost": row.cost}


def _bounds(row: ParameterRow) -> tuple[float, float] | None:
    if row.grid:
        return row.grid[0].value, row.grid[-1].value
    if row.minimum is None or row.maximum is None:
        return None
    return row.minimum, row.maximum


def _conditions_json(row: ParameterRow) -> Json:
    conditions: dict[str, list[str]] = {}
    for condition in row.conditions:
        conditions.setdefault(condition.conditional.name, []).append(condition.value)
    return conditions


def _prior_json(row: ParameterRow) -> Json | None:
    if row.prior is None:
        return None
    fields = {field: getattr(row, f"prior_{field}") for field in _PRIOR_FIELDS[row.prior]}
    return {"object": f"{row.prior}_prior", "name": row.prior, **fields}


def _conditional_json(row: ConditionalRow) -> Json:
    return {"object": "conditional", "name": row.name, "values": [value.name for value in row.values]}


def _constraint_json(row: LinearConstraintRow) -> Json:
    return {
        "object": "linear_constraint",
        "type": row.type,
        "threshold": row.threshold,
        "terms": [
            {"object": "constraint_term", "name": term.parameter.name, "weight": term.weight}
            for term in row.terms
        ],
    }


def _condition_rows(
    parameter: Parameter, conditionals: Sequence[ConditionalRow]
) -> list[ParameterConditionRow]:
    by_name = {row.name: row for row in conditionals}
    return [
        ParameterConditionRow(conditional=by_name[condition.name], position=position, value=value)
        for condition in parameter.conditions
        for position, value in enumerate(condition.values)
    ]


def _metric_row(position: int, definition: Mapping[str, Any]) -> MetricRow:
    metric = metric_from_json(definition)
    return MetricRow(
        position=position,
        name=metric.name,
        objective=metric.objective,
        strategy=metric.strategy,
        threshold=metric.threshold,
    )


def _constraint_row(
    position: int, definition: Mapping[str, Any], parameters: Sequence[ParameterRow]
) -> LinearConstraintRow:
    by_name = {row.name: row for row in parameters}
    return LinearConstraintRow(
        position=position,
        type=definition["type"],
        threshold=definition["threshold"],
        terms=[
            ConstraintTermRow(position=index, parameter=by_name[term["name"]], weight=term["weight"])
            for index, term in enumerate(definition["terms"])
        ],
    )
