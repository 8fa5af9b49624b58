"""Points of an experiment's space, as rows and as assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sigtune.backend.errors import bad_request
from sigtune.backend.requests import Json
from sigtune.backend.tables import AssignmentRow, ExperimentRow, ParameterRow, PointRow
from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments, Parameter, parse_value


def definition_of(experiment: ExperimentRow) -> ExperimentDefinition:
    """Return what suggestions depend on."""
    return ExperimentDefinition(
        parameters=tuple(_parameter(row) for row in experiment.parameters),
        metrics=tuple(
            Metric(row.name, row.objective, row.strategy, row.threshold) for row in experiment.metrics
        ),
    )


def parse_assignments(experiment: ExperimentRow, assignments: Any) -> Assignments:
    """Return the values of every parameter as their own types.

    Raises a 400 that lists every parameter that is missing, unknown or out of its range.
    """
    if not isinstance(assignments, Mapping):
        raise bad_request(f"assignments: expected a mapping of parameters to values, got {assignments!r}")
    parameters = {row.name: _parameter(row) for row in experiment.parameters}
    problems = [f"assignments.{name}: no such parameter" for name in assignments if name not in parameters]
    parsed: Assignments = {}
    for name, parameter in parameters.items():
        if name not in assignments:
            problems.append(f"assignments.{name}: missing")
            continue
        try:
            parsed[name] = parse_value(parameter, assignments[name])
        except ValueError as error:  # every problem is listed
            problems.append(f"assignments.{name}: {error}")
    if problems:
        raise bad_request("\n".join(problems))
    return parsed


def point_row(experiment: ExperimentRow, assignments: Assignments) -> PointRow:
    """Return the row of a new point."""
    rows = []
    for parameter in experiment.parameters:
        value = assignments[parameter.name]
        row = AssignmentRow(parameter_id=parameter.id)
        if isinstance(value, str):
            row.category = value
        else:
            row.number = float(value)
        rows.append(row)
    return PointRow(experiment_id=experiment.id, assignments=rows)


def assignments_json(experiment: ExperimentRow, point: PointRow) -> Json:
    """Return a point's assignments, in the order of the parameters."""
    rows = {row.parameter_id: row for row in point.assignments}
    return {
        parameter.name: _value(parameter.type, rows[parameter.id].number, rows[parameter.id].category)
        for parameter in experiment.parameters
    }


def all_points(session: Session, experiment: ExperimentRow) -> dict[int, Assignments]:
    """Return every point of an experiment by its id, in one query: each suggestion reads them all."""
    parameters = {row.id: row for row in experiment.parameters}
    points: dict[int, Assignments] = {}
    query = (
        select(
            AssignmentRow.point_id, AssignmentRow.parameter_id, AssignmentRow.number, AssignmentRow.category
        )
        .join(PointRow, PointRow.id == AssignmentRow.point_id)
        .where(PointRow.experiment_id == experiment.id)
    )
    for point_id, parameter_id, number, category in session.execute(query):
        parameter = parameters[parameter_id]
        points.setdefault(point_id, {})[parameter.name] = _value(parameter.type, number, category)
    return points


def _value(kind: str, number: float | None, category: str | None) -> Any:
    if number is None:
        return category
    return int(number) if kind == "int" else number


def _parameter(row: ParameterRow) -> Parameter:
    bounded = row.minimum is not None and row.maximum is not None
    default = row.default_category if row.default_number is None else row.default_number
    return Parameter(
        name=row.name,
        type=row.type,
        bounds=(row.minimum, row.maximum) if bounded else None,  # type: ignore[arg-type]
        grid=tuple(step.value for step in row.grid) or None,
        categories=tuple(value.name for value in row.categories) or None,
        log=row.transformation == "log",
        default=default,
    )
