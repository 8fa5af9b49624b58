"""Queued suggestions: points that somebody wants tried, drawn before those of the optimiser."""

from __future__ import annotations

import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from sigtune.backend.errors import not_found
from sigtune.backend.lookup import active_experiment_of, experiment_of
from sigtune.backend.pagination import PAGING_FIELDS, page_of
from sigtune.backend.points import assignments_json, parse_assignments, point_row
from sigtune.backend.requests import Json, Request, parse_id
from sigtune.backend.tables import ExperimentRow, PointRow, QueuedSuggestionRow


def create(request: Request) -> Json:
    """POST experiments/ID/queued_suggestions: the first in is the first to be drawn."""
    data = request.only("assignments")
    experiment = active_experiment_of(request)
    assignments = parse_assignments(experiment, data.get("assignments"))
    queued = QueuedSuggestionRow(
        experiment_id=experiment.id, point=point_row(experiment, assignments), created=int(time.time())
    )
    request.session.add(queued)
    request.session.flush()
    return _json(experiment, queued)


def detail(request: Request) -> Json:
    """GET experiments/ID/queued_suggestions/ID."""
    request.only()
    experiment = experiment_of(request)
    return _json(experiment, _find(request, experiment))


def listing(request: Request) -> Json:
    """GET experiments/ID/queued_suggestions."""
    request.only(*PAGING_FIELDS)
    experiment = experiment_of(request)
    rows = select(QueuedSuggestionRow).where(QueuedSuggestionRow.experiment_id == experiment.id)
    return page_of(request, rows, QueuedSuggestionRow.id, lambda row: _json(experiment, row))


def delete(request: Request) -> Json:
    """DELETE experiments/ID/queued_suggestions/ID."""
    request.only()
    queued = _find(request, active_experiment_of(request))
    point = queued.point
    request.session.delete(queued)
    request.session.flush()
    request.session.delete(point)
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
        "task": None,
    }
