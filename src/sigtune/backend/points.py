"""Points of an experiment's space, as rows and as assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from sigtune.backend.definitions import task_json
from sigtune.backend.errors import bad_request
from sigtune.backend.requests import Json
from sigtune.backend.tables import (
    AssignmentRow,
    ConditionalAssignmentRow,
    ExperimentRow,
    ParameterRow,
    PointRow,
    TaskRow,
)
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


def parse_task(experiment: ExperimentRow, task: Any) -> TaskRow | None:
    """Return the task that is given by its name or as an object with one; raises a 400.

    A multitask experiment needs one; elsewhere there is none, whatever is given.
    """
    if not experiment.tasks:
        return None
    name = task.get("name") if isinstance(task, Mapping) else task
    for row in experiment.tasks:
        if row.name == name:
            return row
    raise bad_request(
        f"task: expected one of {', '.join(row.name for row in experiment.tasks)}, got {name!r}"
    )


def point_row(experiment: ExperimentRow, assignments: Assignments, task: TaskRow | None = None) -> PointRow:
    """Return the row of a new point."""
    parameters = [
        _assignment_row(row, assignments[row.name])
        for row in experiment.parameters
        if row.name in assignments
    ]
    conditionals = [
        ConditionalAssignmentRow(conditional_id=row.id, value=str(assignments[row.name]))
        for row in experiment.conditionals
    ]
    return PointRow(experiment_id=experiment.id, task=task, assignments=parameters, conditionals=conditionals)


def _assignment_row(parameter: ParameterRow, value: Value) -> AssignmentRow:
    if isinstance(value, str):
        return AssignmentRow(parameter_id=parameter.id, category=value)
    return AssignmentRow(parameter_id=parameter.id, number=float(value))


def assignments_json(experiment: ExperimentRow, point: PointRow) -> Json:
    """Return a point's assignments; a parameter that came later has its default value."""
    values: dict[int, Any] = {row.parameter_id: row for row in point.assignments}
    chosen = {row.conditional_id: row.value for row in point.conditionals}
    return _assignments(experiment, {key: (row.number, row.category) for key, row in values.items()}, chosen)


def task_fields(point: PointRow) -> Json:
    """Return the task of a point, in a multitask experiment; elsewhere the key is absent."""
    return {} if point.task is None else {"task": task_json(point.task)}


def with_points(link: Any) -> ORMOption:
    """Return the option that loads the points of many rows together; `link` leads from a row to its point."""
    loaded = selectinload(link)
    return loaded.options(
        selectinload(PointRow.assignments), selectinload(PointRow.conditionals), selectinload(PointRow.task)
    )


def all_points(session: Session, experiment: ExperimentRow) -> dict[int, Assignments]:
    """Return every point of an experiment by its id, in few queries: each suggestion reads them all."""
    of_experiment = PointRow.experiment_id == experiment.id
    values: dict[int, dict[int, tuple[float | None, str | None]]] = {}
    numbers = (
        select(
            AssignmentRow.point_id, AssignmentRow.parameter_id, AssignmentRow.number, AssignmentRow.category
        )
        .join(PointRow, PointRow.id == AssignmentRow.point_id)
        .where(of_experiment)
    )
    for point_id, parameter_id, number, category in session.execute(numbers):
        values.setdefault(point_id, {})[parameter_id] = (number, category)
    chosen: dict[int, dict[int, str]] = {}
    if experiment.conditionals:
        rows = (
            select(ConditionalAssignmentRow)
            .join(PointRow, PointRow.id == ConditionalAssignmentRow.point_id)
            .where(of_experiment)
        )
        for row in session.scalars(rows):
            chosen.setdefault(row.point_id, {})[row.conditional_id] = row.value
    return {
        point_id: _assignments(experiment, values[point_id], chosen.get(point_id, {})) for point_id in values
    }


def _assignments(
    experiment: ExperimentRow,
    values: Mapping[int, tuple[float | None, str | None]],
    chosen: Mapping[int, str],
) -> Json:
    assignments: Json = {row.name: chosen[row.id] for row in experiment.conditionals}
    for parameter in experiment.parameters:
        number, category = values.get(parameter.id, (None, None))
        if parameter.id not in values and _is_active(parameter, chosen):
            number, category = parameter.default_number, parameter.default_category
        if number is not None:
            assignments[parameter.name] = int(number) if parameter.type == "int" else number
        elif category is not None:
            assignments[parameter.name] = category
    return assignments


def _is_active(parameter: ParameterRow, chosen: Mapping[int, str]) -> bool:
    allowed: dict[int, set[str]] = {}
    for condition in parameter.conditions:
        allowed.setdefault(condition.conditional_id, set()).add(condition.value)
    return all(chosen.get(conditional_id) in values for conditional_id, values in allowed.items())
