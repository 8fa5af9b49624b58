"""Observations: report, look up, list, correct, delete."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy import update as update_rows

from sigtune.backend import clock
from sigtune.backend.errors import bad_request
from sigtune.backend.insertion import insert_observation
from sigtune.backend.lookup import (
    active_experiment_of,
    core_experiment_of,
    experiment_of,
    find_observation,
    given_suggestion,
)
from sigtune.backend.metadata import set_metadata
from sigtune.backend.observed import observation_json, observations_json
from sigtune.backend.pagination import SortKey, page_of, pagination
from sigtune.backend.points import parse_assignments, parse_task, point_row
from sigtune.backend.requests import Json, Request, boolean, list_of_mappings, only_fields
from sigtune.backend.tables import (
    AssignmentRow,
    ExperimentRow,
    MetricValueRow,
    ObservationMetadata,
    ObservationRow,
    PointRow,
    TaskRow,
)
from sigtune.backend.values import metric_value_rows
from sigtune.backend.views import definition_of

FIELDS = (
    "suggestion",
    "assignments",
    "values",
    "value",
    "value_stddev",
    "failed",
    "metadata",
    "task",
    "no_optimize",
)
UPDATABLE = tuple(field for field in FIELDS if field not in ("value", "value_stddev"))


def create(request: Request) -> Json:
    """POST experiments/ID/observations: report on a suggestion, which closes it, or on any point.

    As in SigOpt a suggestion can be reported more than once, and each report counts.
    """
    experiment = core_experiment_of(request)
    observation = _add(request, experiment, request.only(*FIELDS))
    return observation_json(experiment, observation)


def create_batch(request: Request) -> Json:
    """POST experiments/ID/observations/batch: report all of them, or none if one is refused."""
    experiment = core_experiment_of(request)
    items = list_of_mappings("observations", request.data.get("observations"))
    added = [_add(request, experiment, only_fields(item, *FIELDS)) for item in items]
    return pagination([observation_json(experiment, row) for row in added], len(added))


def detail(request: Request) -> Json:
    """GET experiments/ID/observations/ID."""
    experiment = experiment_of(request)
    return observation_json(experiment, find_observation(request.session, experiment, request.ids[1]))


def listing(request: Request) -> Json:
    """GET experiments/ID/observations, by id or by what `sort` names."""
    experiment = experiment_of(request)
    deleted = bool(request.flag("deleted"))
    rows = select(ObservationRow).where(
        ObservationRow.experiment_id == experiment.id, ObservationRow.deleted == deleted
    )
    keys = _sort_keys(experiment, str(request.data.get("sort") or "id"))
    return page_of(
        request,
        rows,
        ObservationRow.id,
        lambda found: observations_json(request.session, experiment, found),
        sort=keys,
    )


def update(request: Request) -> Json:
    """PUT experiments/ID/observations/ID: correct its place, values, failure or metadata."""
    data = request.only(*UPDATABLE)
    experiment = active_experiment_of(request)
    observation = find_observation(request.session, experiment, request.ids[1])
    _move(request, experiment, observation, data)
    _correct_values(request, experiment, observation, data)
    if "metadata" in data:
        set_metadata(observation, ObservationMetadata, data["metadata"])
    experiment.updated = clock.microseconds()
    return observation_json(experiment, observation)


def delete(request: Request) -> Json:
    """DELETE experiments/ID/observations/ID: it no longer counts. Its suggestion stays closed."""
    experiment = experiment_of(request, lock=True)
    find_observation(request.session, experiment, request.ids[1]).deleted = True
    return {}


def delete_all(request: Request) -> Json:
    """DELETE experiments/ID/observations."""
    experiment = experiment_of(request, lock=True)
    of_experiment = ObservationRow.experiment_id == experiment.id
    request.session.execute(update_rows(ObservationRow).where(of_experiment).values(deleted=True))
    return {}


def add_observation(
    request: Request,
    experiment: ExperimentRow,
    point: PointRow,
    values: list[MetricValueRow],
    suggestion_id: int | None = None,
    metadata: Any = None,
) -> ObservationRow:
    """Add an observation; without values it is a failed one."""
    now = clock.microseconds()
    observation = ObservationRow(
        experiment_id=experiment.id,
        suggestion_id=suggestion_id,
        point=point,
        failed=not values,
        values=values,
        created=clock.whole_seconds(now),
    )
    set_metadata(observation, ObservationMetadata, metadata)
    insert_observation(request.session, observation, now)
    return observation


def _add(request: Request, experiment: ExperimentRow, data: Json) -> ObservationRow:
    given, assignments = data.get("suggestion"), data.get("assignments")
    if (given is None) == (assignments is None):
        raise bad_request("an observation has either a suggestion or assignments")
    failed = boolean("failed", data.get("failed"))
    if failed and (data.get("values") or data.get("value") is not None):
        raise bad_request("values: a failed observation has none")
    values = [] if failed else metric_value_rows(experiment, data)
    if given is None:
        parsed = parse_assignments(definition_of(experiment), assignments)
        point = point_row(experiment, parsed, parse_task(experiment, data.get("task")))
        return add_observation(request, experiment, point, values, metadata=data.get("metadata"))
    suggestion = given_suggestion(request.session, experiment, given)
    return add_observation(request, experiment, suggestion.point, values, suggestion.id, data.get("metadata"))


def _move(request: Request, experiment: ExperimentRow, observation: ObservationRow, data: Json) -> None:
    """Let the observation be of another suggestion, or of the assignments that are given."""
    suggestion = data.get("suggestion", observation.suggestion_id)
    assignments = data.get("assignments")
    if suggestion is not None and assignments is not None:
        raise bad_request("an observation has either a suggestion or assignments")
    if "suggestion" in data and suggestion is None and assignments is None:
        raise bad_request("an observation without a suggestion needs assignments")
    if assignments is not None:
        parsed = parse_assignments(definition_of(experiment), assignments)
        task = parse_task(experiment, data["task"]) if "task" in data else observation.point.task_id
        observation.suggestion_id, observation.point = None, point_row(experiment, parsed, task)
    elif "suggestion" in data:
        row = given_suggestion(request.session, experiment, suggestion)
        observation.suggestion_id, observation.point = row.id, row.point


def _correct_values(
    request: Request, experiment: ExperimentRow, observation: ObservationRow, data: Json
) -> None:
    """Exchange the values, or the failure; a deviation that is not given anew stays.

    What was there goes only when it is taken back: `failed: true` with `values: null`, and the other way
    round.
    """
    failed = boolean("failed", data.get("failed")) if "failed" in data else observation.failed
    has_values = data["values"] is not None if "values" in data else not observation.failed
    if failed and has_values:
        raise bad_request("failed: an observation with values did not fail; pass values=None with it")
    if not failed and not has_values:
        raise bad_request("values: an observation that did not fail has values")
    observation.failed = failed
    if failed:
        observation.values = []
    elif "values" in data:
        before = {row.metric_id: row.value_stddev for row in observation.values}
        observation.values = []
        request.session.flush()  # the old rows go before new ones of the same keys come
        rows = metric_value_rows(experiment, data)
        for row in rows:
            if row.value_stddev is None:
                row.value_stddev = before.get(row.metric_id)
        observation.values = rows


def _sort_keys(experiment: ExperimentRow, sort: str) -> list[SortKey]:
    """Return what the observations are ordered by; nothing, of failed ones say, counts as the highest."""
    field, _, name = sort.partition("-")
    if sort == "id":
        return []
    if sort == "timestamp":
        return [ObservationRow.created]
    if field in ("value", "value_stddev"):
        first = min(metric.name for metric in experiment.metrics)
        return [_metric_key(experiment, name if "-" in sort else first, field)]
    if field == "parameter":
        return [_parameter_key(experiment, name)]
    optimized = [metric.name for metric in experiment.metrics if metric.strategy == "optimize"]
    if sort == "task" and experiment.tasks and optimized:
        return [_task_cost(), _metric_key(experiment, min(optimized), "value")]
    raise bad_request(f"sort: {sort!r} is not a field of observations")


def _metric_key(experiment: ExperimentRow, name: str, column: str) -> SortKey:
    ids = [metric.id for metric in experiment.metrics if metric.name == name]
    query: Select[Any] = select(getattr(MetricValueRow, column)).where(
        MetricValueRow.observation_id == ObservationRow.id, MetricValueRow.metric_id.in_(ids)
    )
    return query.scalar_subquery()


def _parameter_key(experiment: ExperimentRow, name: str) -> SortKey:
    for parameter in experiment.parameters:
        if parameter.name == name:
            column = AssignmentRow.category if parameter.type == "categorical" else AssignmentRow.number
            query: Select[Any] = select(column).where(
                AssignmentRow.point_id == ObservationRow.point_id,
                AssignmentRow.parameter_id == parameter.id,
            )
            return query.scalar_subquery()
    raise bad_request(f"sort: no parameter {name!r}")


def _task_cost() -> SortKey:
    query: Select[Any] = (
        select(TaskRow.cost)
        .join(PointRow, PointRow.task_id == TaskRow.id)
        .where(PointRow.id == ObservationRow.point_id)
    )
    return query.scalar_subquery()
