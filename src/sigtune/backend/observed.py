"""Observations as answers show them, and which of them are the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from sigtune.backend.definitions import definition_of
from sigtune.backend.metadata import metadata_json
from sigtune.backend.points import all_points, assignments_json, task_fields, with_points
from sigtune.backend.requests import Json
from sigtune.backend.tables import (
    ExperimentRow,
    MetricRow,
    MetricValueRow,
    ObservationRow,
    PointRow,
    TaskRow,
)
from sigtune.definition import ranking
from sigtune.definition.experiment import Observation
from sigtune.definition.parameters import Assignments


@dataclass(frozen=True)
class Observed(Observation):
    """An observation as the search sees it, with its id."""

    id: int = 0


def observation_json(experiment: ExperimentRow, observation: ObservationRow) -> Json:
    """Return an observation in SigOpt's shape."""
    suggestion = observation.suggestion_id
    return {
        "object": "observation",
        "id": str(observation.id),
        "experiment": str(experiment.id),
        "suggestion": None if suggestion is None else str(suggestion),
        "assignments": assignments_json(experiment, observation.point),
        "values": values_json(experiment, observation),
        "failed": observation.failed,
        "created": observation.created,
        "metadata": metadata_json(observation),
        **task_fields(observation.point),
    }


def values_json(experiment: ExperimentRow, observation: ObservationRow) -> list[Json]:
    """Return the values of an observation, sorted by metric."""
    rows = {row.metric_id: row for row in observation.values}
    metrics = sorted(experiment.metrics, key=lambda metric: metric.name)
    return [_value_json(metric, rows[metric.id]) for metric in metrics if metric.id in rows]


def _value_json(metric: MetricRow, row: MetricValueRow) -> Json:
    return {
        "object": "metric_evaluation",
        "name": metric.name or None,
        "value": row.value,
        "value_stddev": row.value_stddev,
    }


def live_observations(experiment: ExperimentRow) -> Select[ObservationRow]:
    """Return the query for an experiment's observations that were not deleted."""
    of_experiment = ObservationRow.experiment_id == experiment.id
    return select(ObservationRow).where(of_experiment, ~ObservationRow.deleted)


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
    names = {metric.id: metric.name for metric in experiment.metrics}
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
