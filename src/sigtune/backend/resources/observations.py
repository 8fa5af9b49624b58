"""Observations: report, look up, list, correct, delete; the best of them and the experiment's progress."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from sigtune.backend.errors import bad_request, conflict
from sigtune.backend.lookup import (
    active_experiment_of,
    experiment_of,
    find_observation,
    find_suggestion,
)
from sigtune.backend.metadata import metadata_json, metadata_rows, update_metadata
from sigtune.backend.pagination import PAGING_FIELDS, page_of, pagination
from sigtune.backend.points import assignments_json, definition_of, parse_assignments, point_row
from sigtune.backend.requests import Json, Request
from sigtune.backend.tables import (
    ExperimentRow,
    MetricRow,
    MetricValueRow,
    ObservationMetadata,
    ObservationRow,
    PointRow,
)
from sigtune.definition import ranking
from sigtune.definition.parameters import is_number

_REPORTED = ("values", "value", "value_stddev", "failed", "metadata")


def create(request: Request) -> Json:
    """POST experiments/ID/observations: report on a suggestion (which closes it) or on any point.

    A suggestion can be reported once: a second report, of whoever, is refused with a 409.
    """
    experiment = active_experiment_of(request)
    observation = _add(request.session, experiment, request.only("suggestion", "assignments", *_REPORTED))
    return observation_json(experiment, observation)


def create_batch(request: Request) -> Json:
    """POST experiments/ID/observations/batch: report all of them, or none if one is refused."""
    data = request.only("observations")
    experiment = active_experiment_of(request)
    items = data.get("observations")
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise bad_request("observations: expected a list of observations")
    fields = ("suggestion", "assignments", *_REPORTED)
    added = [
        _add(request.session, experiment, Request(request.session, request.ids, dict(item)).only(*fields))
        for item in items
    ]
    return pagination([observation_json(experiment, row) for row in added], len(added))


def detail(request: Request) -> Json:
    """GET experiments/ID/observations/ID."""
    request.only()
    experiment = experiment_of(request)
    return observation_json(experiment, find_observation(request.session, experiment, request.ids[1]))


def listing(request: Request) -> Json:
    """GET experiments/ID/observations."""
    request.only(*PAGING_FIELDS)
    experiment = experiment_of(request)
    rows = _with_details(_live(experiment))
    return page_of(request, rows, ObservationRow.id, lambda row: observation_json(experiment, row))


def update(request: Request) -> Json:
    """PUT experiments/ID/observations/ID: correct its values, its failure or its metadata."""
    data = request.only(*_REPORTED)
    experiment = active_experiment_of(request)
    observation = find_observation(request.session, experiment, request.ids[1])
    if data.keys() - {"metadata"}:
        observation.failed = _failed(data)
        observation.values.clear()
        request.session.flush()  # the old rows go before new ones of the same keys come
        observation.values = _value_rows(experiment, data)
    if "metadata" in data:
        update_metadata(observation.details, ObservationMetadata, data["metadata"])
    return observation_json(experiment, observation)


def delete(request: Request) -> Json:
    """DELETE experiments/ID/observations/ID: it no longer counts. Its suggestion stays closed."""
    request.only()
    experiment = active_experiment_of(request)
    find_observation(request.session, experiment, request.ids[1]).deleted = True
    return {}


def best_assignments(request: Request) -> Json:
    """GET experiments/ID/best_assignments: the best one, or with two metrics all undominated ones."""
    request.only(*PAGING_FIELDS)
    experiment = experiment_of(request)
    best = best_observations(request.session, experiment)
    shapes = [{**observation_json(experiment, row), "object": "best_assignments"} for row in best]
    return pagination(shapes, len(shapes))


def best_observations(session: Session, experiment: ExperimentRow) -> list[ObservationRow]:
    """Return the best observation (the last of equals), or with two optimized metrics the Pareto front."""
    chosen = ranking.best(_reported(session, experiment), definition_of(experiment).metrics)
    ids = [reported.id for reported in chosen]
    rows = session.scalars(_with_details(select(ObservationRow).where(ObservationRow.id.in_(ids))))
    return sorted(rows, key=lambda row: row.id)


def progress_json(session: Session, experiment: ExperimentRow) -> Json:
    """Return an experiment's progress; a failed observation consumes budget like any other."""
    live = _live(experiment)
    count = session.scalar(select(func.count()).select_from(live.subquery())) or 0
    first = session.scalar(live.order_by(ObservationRow.id).limit(1))
    last = session.scalar(live.order_by(ObservationRow.id.desc()).limit(1))
    is_single = len(definition_of(experiment).optimized_metrics) == 1
    best = best_observations(session, experiment) if is_single else []
    return {
        "object": "progress",
        "observation_count": count,
        "observation_budget_consumed": float(count),
        "first_observation": observation_json(experiment, first) if first else None,
        "last_observation": observation_json(experiment, last) if last else None,
        "best_observation": observation_json(experiment, best[0]) if best else None,
    }


def observation_json(experiment: ExperimentRow, observation: ObservationRow) -> Json:
    """Return an observation in SigOpt's shape; `value` repeats the metric of a single-metric experiment."""
    rows = {row.metric_id: row for row in observation.values}
    values = [_value_json(metric, rows[metric.id]) for metric in experiment.metrics if metric.id in rows]
    only = values[0] if len(experiment.metrics) == 1 and values else {}
    suggestion = observation.suggestion_id
    return {
        "object": "observation",
        "id": str(observation.id),
        "experiment": str(experiment.id),
        "suggestion": None if suggestion is None else str(suggestion),
        "assignments": assignments_json(experiment, observation.point),
        "values": values,
        "value": only.get("value"),
        "value_stddev": only.get("value_stddev"),
        "failed": observation.failed,
        "created": observation.created,
        "metadata": metadata_json(observation.details),
        "task": None,
    }


def _value_json(metric: MetricRow, row: MetricValueRow) -> Json:
    return {
        "object": "metric_evaluation",
        "name": metric.name,
        "value": row.value,
        "value_stddev": row.value_stddev,
    }


def _live(experiment: ExperimentRow) -> Select[ObservationRow]:
    of_experiment = ObservationRow.experiment_id == experiment.id
    return select(ObservationRow).where(of_experiment, ~ObservationRow.deleted)


def _with_details(rows: Select[ObservationRow]) -> Select[ObservationRow]:
    """Load what observation_json shows for all rows together, not row by row."""
    return rows.options(
        selectinload(ObservationRow.point).selectinload(PointRow.assignments),
        selectinload(ObservationRow.values),
        selectinload(ObservationRow.details),
    )


def _add(session: Session, experiment: ExperimentRow, data: Json) -> ObservationRow:
    suggestion_id, assignments = data.get("suggestion"), data.get("assignments")
    if (suggestion_id is None) == (assignments is None):
        raise bad_request("an observation has either a suggestion or assignments")
    now = int(time.time())
    observation = ObservationRow(
        experiment_id=experiment.id,
        failed=_failed(data),
        values=_value_rows(experiment, data),
        details=metadata_rows(ObservationMetadata, data.get("metadata")),
        created=now,
    )
    if suggestion_id is None:
        observation.point = point_row(experiment, parse_assignments(experiment, assignments))
    else:
        suggestion = find_suggestion(session, experiment, str(suggestion_id))
        if suggestion.observation is not None:
            reported = suggestion.observation.id
            raise conflict(f"suggestion {suggestion.id} is closed: observation {reported} has reported it")
        observation.suggestion, observation.point = suggestion, suggestion.point
    experiment.updated = now
    session.add(observation)
    session.flush()
    return observation


def _failed(data: Json) -> bool:
    failed = data.get("failed")
    if failed not in (None, True, False):
        raise bad_request(f"failed: expected true or false, got {failed!r}")
    return bool(failed)


def _value_rows(experiment: ExperimentRow, data: Json) -> list[MetricValueRow]:
    """Return a row for each metric; a failed observation has none, whatever it was given, as in SigOpt."""
    if _failed(data):
        return []
    given = _given_values(experiment, data)
    missing = [metric.name for metric in experiment.metrics if metric.name not in given]
    if missing:
        raise bad_request(f"values: no value for {', '.join(missing)} (or report failed=True)")
    return [
        MetricValueRow(
            metric_id=metric.id,
            value=_number(metric.name, given[metric.name].get("value")),
            value_stddev=_stddev(metric.name, given[metric.name].get("value_stddev")),
        )
        for metric in experiment.metrics
    ]


def _given_values(experiment: ExperimentRow, data: Json) -> dict[str, Mapping[str, Any]]:
    values = data.get("values")
    if values is None:
        values = [{"value": data.get("value"), "value_stddev": data.get("value_stddev")}]
        if data.get("value") is None:
            values = []
    elif data.get("value") is not None:
        raise bad_request("give values or the older value, not both")
    if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
        raise bad_request("values: expected a list of {name, value}")
    names = [metric.name for metric in experiment.metrics]
    given: dict[str, Mapping[str, Any]] = {}
    for value in values:
        # With a single metric SigOpt lets its name be left out.
        name = value.get("name") or (names[0] if len(names) == 1 else None)
        if name not in names:
            raise bad_request(f"values: no metric {name}; the metrics are {', '.join(names)}")
        if name in given:
            raise bad_request(f"values: two values for {name}")
        given[name] = value
    return given


def _number(name: str, value: Any) -> float:
    if not is_number(value):
        raise bad_request(f"values: {name} is {value!r}, not a finite number (or report failed=True)")
    return float(value)


def _stddev(name: str, stddev: Any) -> float | None:
    if stddev is None:
        return None
    if not is_number(stddev) or stddev < 0:
        raise bad_request(f"values: the value_stddev of {name} is {stddev!r}, not a number of at least 0")
    return float(stddev)


@dataclass(frozen=True)
class _Reported:
    """The metric values of a successful observation."""

    id: int
    values: Mapping[str, float]


def _reported(session: Session, experiment: ExperimentRow) -> list[_Reported]:
    """Return the values of every successful observation, oldest first, without loading whole rows."""
    names = {metric.id: metric.name for metric in experiment.metrics}
    query = (
        select(MetricValueRow.observation_id, MetricValueRow.metric_id, MetricValueRow.value)
        .join(ObservationRow, ObservationRow.id == MetricValueRow.observation_id)
        .where(ObservationRow.experiment_id == experiment.id, ~ObservationRow.deleted)
        .order_by(MetricValueRow.observation_id)
    )
    values: dict[int, dict[str, float]] = {}
    for observation_id, metric_id, value in session.execute(query):
        values.setdefault(observation_id, {})[names[metric_id]] = value
    return [_Reported(observation_id, reported) for observation_id, reported in values.items()]
