"""How far experiments have come, read for many of them in few queries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from sigtune.backend.observed import observation_json, with_details
from sigtune.backend.requests import Json
from sigtune.backend.tables import (
    ExperimentRow,
    MetricRow,
    MetricValueRow,
    ObservationRow,
    PointRow,
    TaskRow,
    TrainingRunRow,
)
from sigtune.definition.tasks import FULL_COST


def core_progress(session: Session, experiments: Sequence[ExperimentRow]) -> dict[int, Json]:
    """Return the progress of experiments by id; a failed observation consumes budget like any other."""
    counts = _counts(session, experiments)
    best = _best_ids(session, [row for row in experiments if row.id in counts])
    wanted = {observation_id for row in counts.values() for observation_id in row[2:]} | set(best.values())
    by_id = _by_id(session, wanted)

    def shown(experiment: ExperimentRow, observation_id: int | None) -> Json | None:
        return None if observation_id is None else observation_json(experiment, by_id[observation_id])

    progress = {}
    for experiment in experiments:
        count, consumed, first, last = counts.get(experiment.id, (0, 0.0, None, None))
        progress[experiment.id] = {
            "object": "progress",
            "observation_count": count,
            "observation_budget_consumed": consumed,
            "first_observation": shown(experiment, first),
            "last_observation": shown(experiment, last),
            "best_observation": shown(experiment, best.get(experiment.id)),
        }
    return progress


def run_progress(session: Session, experiments: Sequence[ExperimentRow]) -> dict[int, Json]:
    """Return the progress of AI experiments by their ids: their runs, and what is left of the budget."""
    counts: dict[int, dict[bool, int]] = {}
    finished = TrainingRunRow.state != "active"
    query = (
        select(TrainingRunRow.experiment_id, finished, func.count())
        .where(_of(TrainingRunRow.experiment_id, experiments), ~TrainingRunRow.deleted)
        .group_by(TrainingRunRow.experiment_id, finished)
    )
    if experiments:
        for experiment_id, is_finished, count in session.execute(query):
            assert experiment_id is not None
            counts.setdefault(experiment_id, {})[bool(is_finished)] = count
    progress = {}
    for experiment in experiments:
        by_state = counts.get(experiment.id, {})
        total, budget = sum(by_state.values()), experiment.observation_budget
        progress[experiment.id] = {
            "object": "progress",
            "active_run_count": by_state.get(False, 0),
            "finished_run_count": by_state.get(True, 0),
            "total_run_count": total,
            "remaining_budget": None if budget is None else budget - total,
        }
    return progress


def _by_id(session: Session, ids: Collection[int]) -> dict[int, ObservationRow]:
    if not ids:
        return {}
    rows = session.scalars(with_details(select(ObservationRow).where(ObservationRow.id.in_(ids))))
    return {row.id: row for row in rows}


def _of(column: Any, experiments: Sequence[ExperimentRow]) -> Any:
    return column.in_([experiment.id for experiment in experiments])


def _counts(session: Session, experiments: Sequence[ExperimentRow]) -> dict[int, tuple[int, float, int, int]]:
    """Return count, consumed budget, and first and last id of the observations, by experiment."""
    if not experiments:
        return {}
    cost = func.coalesce(TaskRow.cost, FULL_COST)
    query = (
        select(
            ObservationRow.experiment_id,
            func.count(),
            func.sum(cost),
            func.min(ObservationRow.id),
            func.max(ObservationRow.id),
        )
        .join(PointRow, PointRow.id == ObservationRow.point_id)
        .outerjoin(TaskRow, TaskRow.id == PointRow.task_id)
        .where(_of(ObservationRow.experiment_id, experiments), ~ObservationRow.deleted)
        .group_by(ObservationRow.experiment_id)
    )
    return {
        experiment_id: (count, round(float(consumed), 9), first, last)
        for experiment_id, count, consumed, first, last in session.execute(query)
    }


def _best_ids(session: Session, experiments: Sequence[ExperimentRow]) -> dict[int, int]:
    """Return the best observation by experiment, where one metric is optimized: the latest of equals.

    As in SigOpt constraints do not count here; of several tasks only the full one does.
    """
    metrics = {}
    for experiment in experiments:
        optimized = [metric.id for metric in experiment.metrics if metric.strategy == "optimize"]
        if len(optimized) == 1:
            metrics[experiment.id] = optimized[0]
    if not metrics:
        return {}
    score = case((MetricRow.objective == "minimize", -MetricValueRow.value), else_=MetricValueRow.value)
    ranked = (
        select(
            ObservationRow.experiment_id,
            ObservationRow.id,
            func.row_number()
            .over(
                partition_by=ObservationRow.experiment_id, order_by=(score.desc(), ObservationRow.id.desc())
            )
            .label("rank"),
        )
        .join(MetricValueRow, MetricValueRow.observation_id == ObservationRow.id)
        .join(MetricRow, MetricRow.id == MetricValueRow.metric_id)
        .join(PointRow, PointRow.id == ObservationRow.point_id)
        .outerjoin(TaskRow, TaskRow.id == PointRow.task_id)
        .where(
            MetricRow.id.in_(metrics.values()),
            ~ObservationRow.deleted,
            func.coalesce(TaskRow.cost, FULL_COST) == FULL_COST,
        )
        .subquery()
    )
    query = select(ranked.c.experiment_id, ranked.c.id).where(ranked.c.rank == 1)
    return {row.experiment_id: row.id for row in session.execute(query)}
