"""Changes to an experiment's parameters and metrics after its creation.

Old points stay as they are: a parameter that is taken out stays in its rows, and one that is added has its
default value in points that are older than it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigtune.backend.definitions import (
    definition_json,
    parameter_json,
    parameter_row,
    set_default,
    set_domain,
    set_prior,
)
from sigtune.backend.errors import bad_request
from sigtune.backend.requests import Json, list_of_mappings, only_fields
from sigtune.backend.tables import ExperimentRow, MetricRow, ParameterRow
from sigtune.definition.metrics import UNNAMED
from sigtune.definition.parameters import parameter_from_json, parse_value
from sigtune.definition.validation import experiment_problems
from sigtune.errors import format_problems


def update_parameters(experiment: ExperimentRow, parameters: Any) -> None:
    """Make the parameters those that are given, by name; fields that are left out stay as they were.

    Raises a 400 where a type, a transformation or a condition changes, where a new parameter has no default
    value, and in experiments whose parameters are fixed.
    """
    if experiment.type == "grid" or experiment.linear_constraints:
        raise bad_request("parameters: those of a grid and of linear constraints are fixed")
    given = list_of_mappings("parameters", parameters)
    known = {row.name: row for row in experiment.parameters}
    merged = [_merged(known.get(item.get("name", "")), item) for item in given]
    _check(experiment, {"parameters": merged})
    for item in merged:
        _check_default(item, is_new=item["name"] not in known)
    highest = max(row.position for row in experiment.parameters)
    for row in experiment.parameters:
        row.deleted = row.name not in {item["name"] for item in merged}
    for item in merged:
        if item["name"] in known:
            _redefine(known[item["name"]], item)
        else:
            highest += 1
            experiment.parameters.append(parameter_row(highest, item, experiment.conditionals))


def update_metrics(experiment: ExperimentRow, metrics: Any) -> None:
    """Change the thresholds of the metrics; raises a 400 where anything else of them changes."""
    given = list_of_mappings("metrics", metrics)
    if len(given) != len(experiment.metrics):
        raise bad_request("metrics: all of the experiment's metrics are expected, and no others")
    thresholds = {}
    for item in given:
        row = _metric_named(experiment, item)
        only_fields(item, "name", "objective", "strategy", "threshold", "object")
        for field in ("objective", "strategy"):
            if item.get(field) not in (None, getattr(row, field)):
                raise bad_request(f"metrics: the {field} of {row.name} cannot change")
        thresholds[row.name] = item.get("threshold", row.threshold)
    if len(thresholds) < len(given):
        raise bad_request("metrics: a metric is given twice")
    definition = definition_json(experiment)["metrics"]
    _check(
        experiment,
        {"metrics": [{**item, "threshold": thresholds[item["name"] or UNNAMED]} for item in definition]},
    )
    for row in experiment.metrics:
        row.threshold = thresholds[row.name]


def _merged(row: ParameterRow | None, given: Mapping[str, Any]) -> Json:
    """Return the definition that a parameter has with the given changes."""
    if row is None:
        return dict(given)
    if "conditions" in given:
        raise bad_request(f"parameters.{row.name}.conditions: cannot change")
    if given.get("type", row.type) != row.type:
        raise bad_request(f"parameters.{row.name}.type: stays {row.type}")
    transformation = given.get("transformation", row.transformation)
    if (None if transformation == "none" else transformation) != row.transformation:
        raise bad_request(f"parameters.{row.name}.transformation: stays {row.transformation}")
    before = parameter_json(row)
    if "grid" in given or ("bounds" not in given and row.grid):
        before.pop("bounds")
    elif "bounds" in given:
        before.pop("grid", None)
    return {**before, **given}


def _check(experiment: ExperimentRow, changes: Json) -> None:
    definition = {"name": experiment.name, **definition_json(experiment), **changes}
    problems = experiment_problems(definition)
    if problems:
        raise bad_request("\n".join(["the experiment cannot be updated:", *format_problems(problems)]))


def _check_default(definition: Json, *, is_new: bool) -> None:
    parameter = parameter_from_json(definition)
    if parameter.default is None:
        if is_new:
            raise bad_request(f"parameters.{parameter.name}.default_value: a new parameter needs one")
        return
    try:
        parse_value(parameter, parameter.default)
    except ValueError as error:
        raise bad_request(f"parameters.{parameter.name}.default_value: {error}") from error


def _redefine(row: ParameterRow, definition: Json) -> None:
    parameter = parameter_from_json(definition)
    set_domain(row, parameter)
    set_default(row, parameter)
    set_prior(row, definition.get("prior"))


def _metric_named(experiment: ExperimentRow, given: Mapping[str, Any]) -> MetricRow:
    if len(experiment.metrics) == 1 and "name" not in given:
        return experiment.metrics[0]
    name = given.get("name") or UNNAMED
    for row in experiment.metrics:
        if row.name == name:
            return row
    raise bad_request(f"metrics: no metric {name!r}")
