"""Queued suggestions: points that somebody wants tried, served before those of the optimizer."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from sigtune.backend import clock
from sigtune.backend.errors import not_found
from sigtune.backend.lookup import active_experiment_of, experiment_of
from sigtune.backend.pagination import page_of
from sigtune.backend.points import (
    assignments_json,
    parse_assignments,
    parse_task,
    point_row,
    task_fields,
    with_points,
)
from sigtune.backend.requests import Json, Request, parse_id
from sigtune.backend.tables import ExperimentRow, PointRow, QueuedSuggestionRow
from sigtune.backend.views import definition_of


def create(request: Request) -> Json:
    """POST experiments/ID/queued_suggestions: the first in is the first to be served."""
    experiment = active_experiment_of(request)
    assignments = parse_assignments(definition_of(experiment), request.data.get("assignments"))
    task = parse_task(experiment, request.data.get("task"))
    queued = QueuedSuggestionRow(
        experiment_id=experiment.id, point=point_row(experiment, assignments, task), created=clock.seconds()
    )
    request.session.add(queued)
    request.session.flush()
    return _json(experiment, queued)


def detail(request: Request) -> Json:
    """GET experiments/ID/queued_suggestions/ID."""
    experiment = experiment_of(request)
    return _json(experiment, _find(request, experiment))


def listing(request: Request) -> Json:
    """GET experiments/ID/queued_suggestions."""
    experiment = experiment_of(request)
    rows = (
        select(QueuedSuggestionRow)
        .where(QueuedSuggestionRow.experiment_id == experiment.id)
        .options(with_points(QueuedSuggestionRow.point))
    )
    return page_of(
        request,
        rows,
        QueuedSuggestionRow.id,
        lambda found: [_json(experiment, row) for row in found],
        ascending=False,
    )


def delete(request: Request) -> Json:
    """DELETE experiments/ID/queued_suggestions/ID."""
    queued = _find(request, experiment_of(request, lock=True))
    _remove(request.session, queued)
    return {}


def delete_all(request: Request) -> Json:
    """DELETE experiments/ID/queued_suggestions."""
    experiment = experiment_of(request, lock=True)
    rows = select(QueuedSuggestionRow).where(QueuedSuggestionRow.experiment_id == experiment.id)
    for queued in list(request.session.scalars(rows)):
        _remove(request.session, queued)
    return {}


def take_first(session: Session, experiment: ExperimentRow) -> PointRow | None:
    """Take the oldest queued point out of the queue and return it; None where nothing is queued."""
    queued = session.scalar(
        select(QueuedSuggestionRow)
        .where(QueuedSuggestionRow.experiment_id == experiment.id)
        .order_by(QueuedSuggestionRow.id)
        .limit(1)
    )
    if queued is None:
        return None
    point = queued.point
    session.delete(queued)
    return point


def _remove(session: Session, queued: QueuedSuggestionRow) -> None:
    point = queued.point
    session.delete(queued)
    session.flush()
    session.delete(point)


def _find(request: Request, experiment: ExperimentRow) -> QueuedSuggestionRow:
    queued = request.session.get(QueuedSuggestionRow, parse_id(request.ids[1], "queued suggestion"))
    if queued is None or queued.experiment_id != experiment.id:
        raise not_found(f"no queued suggestion {request.ids[1]} in experiment {experiment.id}")
    return queued


def _json(experiment: ExperimentRow, queued: QueuedSuggestionRow) -> Json:
    return {
        "object": "queued_suggestion",
        "id": str(queued.id),
        "experiment": str(experiment.id),
        "assignments": assignments_json(experiment, queued.point),
        "created": queued.created,
        **task_fields(experiment, queued.point.task_id),
    }
