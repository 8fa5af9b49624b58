"""Observations as answers show them, and which of them are the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from sigtune.backend.metadata import entries_json, metadata_json
from sigtune.backend.points import (
    all_points,
    assignments_json,
    points_where,
    task_fields,
    with_points,
)
from sigtune.backend.requests import Json
from sigtune.backend.tables import (
    ExperimentRow,
    MetricValueRow,
    ObservationMetadata,
    ObservationRow,
    PointRow,
    TaskRow,
)
from sigtune.backend.views import definition_of, view_of
from sigtune.definition import ranking
from sigtune.definition.experiment import Observation
from sigtune.definition.parameters import Assignments


@dataclass(frozen=True)
class Observed(Observation):
    """An observation as the search sees it, with its id."""

    id: int = 0


def observation_json(experiment: ExperimentRow, observation: ObservationRow) -> Json:
    """Return an observation in SigOpt's shape."""
    point = observation.point
    assignments = assignments_json(experiment, point)
    values = values_json(experiment, observation)
    return _shape(experiment, observation, assignments, values, metadata_json(observation), point.task_id)


def observations_json(
    session: Session, experiment: ExperimentRow, observations: Sequence[ObservationRow]
) -> list[Json]:
    """Return many observations in SigOpt's shape; what belongs to them is read for all of them together."""
    ids = [row.point_id for row in observations]
    points = points_where(session, experiment, PointRow.id.in_(ids))
    tasks = _tasks(session, experiment, ids)
    values = _values(session, [row.id for row in observations])
    metadata = _metadata(session, [row.id for row in observations if row.has_metadata])
    return [
        _shape(
            experiment,
            row,
            points.get(row.point_id, {}),
            _sorted_values(experiment, values.get(row.id, {})),
            metadata.get(row.id),
            tasks.get(row.point_id),
        )
        for row in observations
    ]


def values_json(experiment: ExperimentRow, observation: ObservationRow) -> list[Json]:
    """Return the values of an observation, sorted by metric."""
    values = {row.metric_id: (row.value, row.value_stddev) for row in observation.values}
    return _sorted_values(experiment, values)


def _shape(
    experiment: ExperimentRow,
    observation: ObservationRow,
    assignments: Json,
    values: list[Json],
    metadata: Json | None,
    task_id: int | None,
) -> Json:
    suggestion = observation.suggestion_id
    return {
        "object": "observation",
        "id": str(observation.id),
        "experiment": str(experiment.id),
        "suggestion": None if suggestion is None else str(suggestion),
        "assignments": assignments,
        "values": values,
        "failed": observation.failed,
        "created": observation.created,
        "metadata": metadata,
        **task_fields(experiment, task_id),
    }


def _sorted_values(experiment: ExperimentRow, values: Mapping[int, tuple[float, float | None]]) -> list[Json]:
    return [
        {
            "object": "metric_evaluation",
            "name": name or None,
            "value": values[metric_id][0],
            "value_stddev": values[metric_id][1],
        }
        for metric_id, name in sorted(view_of(experiment).metrics, key=lambda metric: metric[1])
        if metric_id in values
    ]


def _tasks(session: Session, experiment: ExperimentRow, points: Sequence[int]) -> dict[int, int]:
    if not view_of(experiment).tasks:
        return {}
    query = select(PointRow.id, PointRow.task_id).where(PointRow.id.in_(points))
    return {point_id: task_id for point_id, task_id in session.execute(query) if task_id is not None}


def _metadata(session: Session, ids: Sequence[int]) -> dict[int, Json]:
    """Return the metadata of observations that have some, perhaps without an entry, by their ids."""
    entries: dict[int, list[ObservationMetadata]] = {row_id: [] for row_id in ids}
    if ids:
        for row in session.scalars(
            select(ObservationMetadata).where(ObservationMetadata.observation_id.in_(ids))
        ):
            entries[row.observation_id].append(row)
    return {row_id: entries_json(rows) for row_id, rows in entries.items()}


def _values(session: Session, ids: Sequence[int]) -> dict[int, dict[int, tuple[float, float | None]]]:
    """Return value and standard deviation, by observation and metric."""
    values: dict[int, dict[int, tuple[float, float | None]]] = {}
    columns = (
        MetricValueRow.observation_id,
        MetricValueRow.metric_id,
        MetricValueRow.value,
        MetricValueRow.value_stddev,
    )
    query = select(*columns).where(MetricValueRow.observation_id.in_(ids))
    for observation_id, metric_id, value, deviation in session.execute(query):
        values.setdefault(observation_id, {})[metric_id] = (value, deviation)
    return values


def with_details(rows: Select[ObservationRow]) -> Select[ObservationRow]:
    """Load what observation_json shows for all rows together, not row by row."""
    return rows.options(
        with_points(ObservationRow.point),
        selectinload(ObservationRow.values),
        selectinload(ObservationRow.details),
    )


def observed_by(
    session: Session, experiment: ExperimentRow, points: Mapping[int, Assignments]
) -> list[Observed]:
    """Return every observation as the search sees it, oldest first, without loading whole rows."""
    names = dict(view_of(experiment).metrics)
    live = (ObservationRow.experiment_id == experiment.id, ~ObservationRow.deleted)
    values: dict[int, dict[str, float]] = {}
    deviations: dict[int, dict[str, float]] = {}
    reported = (
        select(
            MetricValueRow.observation_id,
            MetricValueRow.metric_id,
            MetricValueRow.value,
            MetricValueRow.value_stddev,
        )
        .join(ObservationRow, ObservationRow.id == MetricValueRow.observation_id)
        .where(*live)
    )
    for observation_id, metric_id, value, deviation in session.execute(reported):
        values.setdefault(observation_id, {})[names[metric_id]] = value
        if deviation is not None:
            deviations.setdefault(observation_id, {})[names[metric_id]] = deviation
    rows = session.execute(
        select(ObservationRow.id, ObservationRow.point_id, ObservationRow.failed, TaskRow.name)
        .join(PointRow, PointRow.id == ObservationRow.point_id)
        .outerjoin(TaskRow, TaskRow.id == PointRow.task_id)
        .where(*live)
        .order_by(ObservationRow.id)
    )
    return [
        Observed(
            points.get(point_id, {}),
            None if failed else values.get(row_id),
            task,
            deviations.get(row_id, {}),
            row_id,
        )
        for row_id, point_id, failed, task in rows
    ]


def best_observations(session: Session, experiment: ExperimentRow) -> list[ObservationRow]:
    """Return the best observations, the one that is best by the first metric (by name) first."""
    definition = definition_of(experiment)
    # Only several solutions ask where an observation was made.
    points = all_points(session, experiment) if definition.num_solutions > 1 else {}
    chosen = ranking.best_of_experiment(observed_by(session, experiment, points), definition)
    metric = min(definition.optimized_metrics or definition.metrics, key=lambda metric: metric.name)
    ids = [item.id for item in _from_the_best(chosen, metric.name, metric.score)]
    rows = session.scalars(with_details(select(ObservationRow).where(ObservationRow.id.in_(ids))))
    return sorted(rows, key=lambda row: ids.index(row.id))


def _from_the_best(
    observed: Sequence[Observed], metric: str, score: Callable[[float], float]
) -> list[Observed]:
    def key(item: Observed) -> tuple[float, int]:
        assert item.values is not None
        return score(item.values[metric]), item.id

    return sorted(observed, key=key, reverse=True)
