"""Suggestions: draw, look up, list, annotate, delete."""

from __future__ import annotations

import time
from collections.abc import Iterable

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from sigtune.backend.errors import bad_request, conflict
from sigtune.backend.lookup import active_experiment_of, experiment_of, find_suggestion
from sigtune.backend.metadata import metadata_json, metadata_rows, update_metadata
from sigtune.backend.pagination import PAGING_FIELDS, page_of
from sigtune.backend.points import all_points, assignments_json, definition_of, point_row
from sigtune.backend.requests import Json, Request, one_of
from sigtune.backend.resources import queued_suggestions
from sigtune.backend.tables import (
    ExperimentRow,
    MetricRow,
    MetricValueRow,
    ObservationRow,
    SuggestionMetadata,
    SuggestionRow,
)
from sigtune.definition.experiment import Observation
from sigtune.definition.parameters import Assignments
from sigtune.optimizer import suggest as optimizer

_OPEN = ~select(ObservationRow.id).where(ObservationRow.suggestion_id == SuggestionRow.id).exists()


def prepare(request: Request) -> None:
    """Load what drawing a suggestion needs, before a transaction that others wait for begins."""
    experiment = experiment_of(request)
    optimizer.load_libraries(experiment.next_number)


def create(request: Request) -> Json:
    """POST experiments/ID/suggestions: draw the next suggestion, what is queued before all else.

    The point is computed inside the writing transaction: whoever asks next sees this suggestion as open,
    so that two workers that ask at once get different points and different numbers.
    """
    data = request.only("metadata")
    experiment = active_experiment_of(request)
    number = experiment.next_number
    point = queued_suggestions.take_first(request.session, experiment)
    if point is None:
        point = point_row(experiment, _computed(request, experiment))
    now = int(time.time())
    suggestion = SuggestionRow(
        experiment_id=experiment.id,
        point=point,
        number=number,
        details=metadata_rows(SuggestionMetadata, data.get("metadata")),
        created=now,
    )
    experiment.next_number = number + 1
    experiment.updated = now
    request.session.add(suggestion)
    request.session.flush()
    return suggestion_json(experiment, suggestion)


def _computed(request: Request, experiment: ExperimentRow) -> Assignments:
    points = all_points(request.session, experiment)
    return optimizer.suggest(
        definition_of(experiment),
        _outcomes(request.session, experiment, points),
        [points[point_id] for point_id in _open_points(request.session, experiment)],
        experiment.next_number,
        request.seed,
    )


def detail(request: Request) -> Json:
    """GET experiments/ID/suggestions/ID."""
    request.only()
    experiment = experiment_of(request)
    return suggestion_json(experiment, find_suggestion(request.session, experiment, request.ids[1]))


def listing(request: Request) -> Json:
    """GET experiments/ID/suggestions: all, or those that are open or closed."""
    data = request.only("state", *PAGING_FIELDS)
    experiment = experiment_of(request)
    rows = select(SuggestionRow).where(SuggestionRow.experiment_id == experiment.id)
    if data.get("state") is not None:
        rows = rows.where(_in_state(one_of("state", data["state"], ("open", "closed"))))
    return page_of(request, rows, SuggestionRow.id, lambda row: suggestion_json(experiment, row))


def update(request: Request) -> Json:
    """PUT experiments/ID/suggestions/ID: replace its metadata."""
    data = request.only("metadata")
    experiment = active_experiment_of(request)
    suggestion = find_suggestion(request.session, experiment, request.ids[1])
    if "metadata" in data:
        update_metadata(suggestion.details, SuggestionMetadata, data["metadata"])
    return suggestion_json(experiment, suggestion)


def delete(request: Request) -> Json:
    """DELETE experiments/ID/suggestions/ID: only an open one; its number is not given out again."""
    request.only()
    experiment = active_experiment_of(request)
    suggestion = find_suggestion(request.session, experiment, request.ids[1])
    if suggestion.observation is not None:
        raise conflict(f"suggestion {suggestion.id} has been observed; delete its observation instead")
    _remove(request.session, [suggestion])
    return {}


def delete_open(request: Request) -> Json:
    """DELETE experiments/ID/suggestions?state=open."""
    data = request.only("state")
    if data.get("state") != "open":
        raise bad_request("state: only open suggestions can be deleted; pass state='open'")
    experiment = active_experiment_of(request)
    of_experiment = SuggestionRow.experiment_id == experiment.id
    _remove(request.session, request.session.scalars(select(SuggestionRow).where(of_experiment, _OPEN)))
    return {}


def suggestion_json(experiment: ExperimentRow, suggestion: SuggestionRow) -> Json:
    """Return a suggestion in SigOpt's shape."""
    return {
        "object": "suggestion",
        "id": str(suggestion.id),
        "experiment": str(experiment.id),
        "assignments": assignments_json(experiment, suggestion.point),
        "state": "open" if suggestion.observation is None else "closed",
        "created": suggestion.created,
        "metadata": metadata_json(suggestion.details),
        "task": None,
    }


def _in_state(state: str) -> ColumnElement[bool]:
    return _OPEN if state == "open" else ~_OPEN


def _remove(session: Session, suggestions: Iterable[SuggestionRow]) -> None:
    for suggestion in list(suggestions):
        point = suggestion.point
        session.delete(suggestion)
        session.flush()
        session.delete(point)


def _open_points(session: Session, experiment: ExperimentRow) -> list[int]:
    query = (
        select(SuggestionRow.point_id)
        .where(SuggestionRow.experiment_id == experiment.id, _OPEN)
        .order_by(SuggestionRow.number)
    )
    return list(session.scalars(query))


def _outcomes(
    session: Session, experiment: ExperimentRow, points: dict[int, Assignments]
) -> list[Observation]:
    live = (ObservationRow.experiment_id == experiment.id, ~ObservationRow.deleted)
    values: dict[int, dict[str, float]] = {}
    query = (
        select(MetricValueRow.observation_id, MetricRow.name, MetricValueRow.value)
        .join(MetricRow, MetricRow.id == MetricValueRow.metric_id)
        .join(ObservationRow, ObservationRow.id == MetricValueRow.observation_id)
        .where(*live)
    )
    for observation_id, name, value in session.execute(query):
        values.setdefault(observation_id, {})[name] = value
    rows = session.execute(
        select(ObservationRow.id, ObservationRow.point_id, ObservationRow.failed)
        .where(*live)
        .order_by(ObservationRow.id)
    )
    return [
        Observation(points[point_id], None if failed else values[observation_id])
        for observation_id, point_id, failed in rows
    ]
