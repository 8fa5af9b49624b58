"""Points of an experiment's space, as rows and as assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from sigtune.backend.errors import bad_request
from sigtune.backend.requests import Json
from sigtune.backend.tables import (
    AssignmentRow,
    ConditionalAssignmentRow,
    ExperimentRow,
    PointRow,
)
from sigtune.backend.views import ExperimentView, view_of
from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.parameters import Assignments, Value, parse_value


def parse_assignments(definition: ExperimentDefinition, assignments: Any) -> Assignments:
    """Return the values of every conditional and active parameter as their own types.

    A number may lie outside the bounds: it is history. Raises a 400 that lists every parameter that is
    missing, unknown, inactive or of the wrong kind, and every linear constraint that is not met.
    """
    if not isinstance(assignments, Mapping):
        raise bad_request(f"assignments: expected a mapping of parameters to values, got {assignments!r}")
    parsed: Assignments = {}
    problems = _conditional_problems(definition, assignments, parsed)
    active = {parameter.name: parameter for parameter in definition.active_parameters(parsed)}
    for name, parameter in active.items():
        if name not in assignments:
            problems.append(f"assignments.{name}: missing")
            continue
        try:
            parsed[name] = parse_value(parameter, assignments[name], within_bounds=False)
        except ValueError as error:  # every problem is listed
            problems.append(f"assignments.{name}: {error}")
    conditionals = {conditional.name for conditional in definition.conditionals}
    problems += [
        f"assignments.{name}: no such parameter, or not active here"
        for name in assignments
        if name not in active and name not in conditionals
    ]
    if not problems and not definition.meets_linear_constraints(parsed):
        problems.append("assignments: a linear constraint is not met")
    if problems:
        raise bad_request("\n".join(problems))
    return parsed


def _conditional_problems(
    definition: ExperimentDefinition, assignments: Mapping[str, Any], parsed: Assignments
) -> list[str]:
    """Put the values of the conditionals into `parsed`, and return what is wrong with them."""
    problems = []
    for conditional in definition.conditionals:
        value = assignments.get(conditional.name)
        if value in conditional.values:
            parsed[conditional.name] = value
        else:
            choices = ", ".join(conditional.values)
            problems.append(f"assignments.{conditional.name}: expected one of {choices}, got {value!r}")
    return problems


def parse_task(experiment: ExperimentRow, task: Any) -> int | None:
    """Return the row id of the task that is given by its name or as an object with one; raises a 400.

    A multitask experiment needs one; elsewhere there is none, whatever is given.
    """
    tasks = view_of(experiment).tasks
    if not tasks:
        return None
    name = task.get("name") if isinstance(task, Mapping) else task
    for row_id, shown in tasks.items():
        if shown["name"] == name:
            return row_id
    choices = ", ".join(shown["name"] for shown in tasks.values())
    raise bad_request(f"task: expected one of {choices}, got {name!r}")


def point_row(experiment: ExperimentRow, assignments: Assignments, task_id: int | None = None) -> PointRow:
    """Return the row of a new point."""
    view = view_of(experiment)
    parameters = [
        _assignment_row(parameter.id, assignments[parameter.name])
        for parameter in view.parameters
        if parameter.name in assignments
    ]
    conditionals = [
        ConditionalAssignmentRow(conditional_id=row_id, value=str(assignments[name]))
        for row_id, name in view.conditionals
    ]
    return PointRow(
        experiment_id=experiment.id, task_id=task_id, assignments=parameters, conditionals=conditionals
    )


def _assignment_row(parameter_id: int, value: Value) -> AssignmentRow:
    if isinstance(value, str):
        return AssignmentRow(parameter_id=parameter_id, category=value)
    return AssignmentRow(parameter_id=parameter_id, number=float(value))


def assignments_json(experiment: ExperimentRow, point: PointRow) -> Json:
    """Return a point's assignments; a parameter that came later has its default value."""
    values = {
        row.parameter_id: row.category if row.number is None else row.number for row in point.assignments
    }
    chosen = {row.conditional_id: row.value for row in point.conditionals}
    return _assignments(view_of(experiment), values, chosen)


def task_fields(experiment: ExperimentRow, task_id: int | None) -> Json:
    """Return the task of a point, in a multitask experiment; elsewhere the key is absent."""
    return {} if task_id is None else {"task": view_of(experiment).tasks[task_id]}


def with_points(link: Any) -> ORMOption:
    """Return the option that loads the points of many rows together; `link` leads from a row to its point."""
    loaded = selectinload(link)
    return loaded.options(selectinload(PointRow.assignments), selectinload(PointRow.conditionals))


def all_points(session: Session, experiment: ExperimentRow) -> dict[int, Assignments]:
    """Return every point of an experiment by its id, in few queries: each suggestion reads them all."""
    return points_where(session, experiment, PointRow.experiment_id == experiment.id)


def points_where(
    session: Session, experiment: ExperimentRow, condition: ColumnElement[bool]
) -> dict[int, Assignments]:
    """Return the points of an experiment that a condition holds for by id, without loading whole rows."""
    view = view_of(experiment)
    values: dict[int, dict[int, float | str | None]] = {}
    numbers = (
        select(
            AssignmentRow.point_id, AssignmentRow.parameter_id, AssignmentRow.number, AssignmentRow.category
        )
        .join(PointRow, PointRow.id == AssignmentRow.point_id)
        .where(condition)
    )
    for point_id, parameter_id, number, category in session.execute(numbers):
        values.setdefault(point_id, {})[parameter_id] = category if number is None else number
    chosen: dict[int, dict[int, str]] = {}
    if view.conditionals:
        rows = (
            select(
                ConditionalAssignmentRow.point_id,
                ConditionalAssignmentRow.conditional_id,
                ConditionalAssignmentRow.value,
            )
            .join(PointRow, PointRow.id == ConditionalAssignmentRow.point_id)
            .where(condition)
        )
        for point_id, conditional_id, value in session.execute(rows):
            chosen.setdefault(point_id, {})[conditional_id] = value
    return {point_id: _assignments(view, values[point_id], chosen.get(point_id, {})) for point_id in values}


def _assignments(
    view: ExperimentView, values: Mapping[int, float | str | None], chosen: dict[int, str]
) -> Json:
    assignments: Json = {name: chosen[row_id] for row_id, name in view.conditionals}
    for parameter in view.parameters:
        value = values.get(parameter.id)
        if value is None and parameter.id not in values and parameter.is_active(chosen):
            value = parameter.default
        if value is not None:
            assignments[parameter.name] = int(value) if parameter.is_int else value
    return assignments
