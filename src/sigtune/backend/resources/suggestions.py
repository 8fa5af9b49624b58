"""Suggestions: serve, look up, list, annotate, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import selectinload

from sigtune.backend.errors import bad_request
from sigtune.backend.lookup import core_experiment_of, experiment_of, find_suggestion
from sigtune.backend.metadata import metadata_json, metadata_rows, set_metadata
from sigtune.backend.pagination import page_of
from sigtune.backend.points import (
    assignments_json,
    parse_assignments,
    parse_task,
    point_row,
    task_fields,
    with_points,
)
from sigtune.backend.requests import Call, Json, Request, id_or_none, one_of
from sigtune.backend.serving import add_suggestion, serve
from sigtune.backend.tables import (
    ExperimentRow,
    ObservationRow,
    PointRow,
    SuggestionMetadata,
    SuggestionRow,
)
from sigtune.backend.views import definition_of

IS_OPEN = ~exists().where(ObservationRow.suggestion_id == SuggestionRow.id)
"""No observation refers to the suggestion, not even one that was deleted."""


def create(call: Call) -> Json:
    """POST experiments/ID/suggestions: the point that is given, or the next one.

    The next one is the oldest of the queue, or else the optimizer's.
    """
    if "assignments" in call.data:
        with call.writing() as request:
            return _created_at(request)
    with call.reading() as request:
        experiment_of(request)  # a 404 makes no file
    metadata_rows(SuggestionMetadata, call.data.get("metadata"))  # refused before a point is drawn
    return serve(call, core_experiment_of, _set_details, _created_json)


def _created_at(request: Request) -> Json:
    """Store a suggestion of the assignments that are given."""
    experiment = core_experiment_of(request)
    assignments = parse_assignments(definition_of(experiment), request.data["assignments"])
    point = point_row(experiment, assignments, parse_task(experiment, request.data.get("task")))
    suggestion = add_suggestion(request.session, experiment, point, computed=False)
    _set_details(request, suggestion)
    request.session.flush()
    return _created_json(request, experiment, suggestion)


def _set_details(request: Request, suggestion: SuggestionRow) -> None:
    set_metadata(suggestion, SuggestionMetadata, request.data.get("metadata"))


def _created_json(request: Request, experiment: ExperimentRow, suggestion: SuggestionRow) -> Json:
    del request
    # SigOpt's answer to a creation has null here.
    return {**_json(experiment, suggestion, is_open=True), "deleted": None}


def detail(request: Request) -> Json:
    """GET experiments/ID/suggestions/ID."""
    experiment = experiment_of(request)
    [shown] = _shapes(request, experiment, [find_suggestion(request.session, experiment, request.ids[1])])
    return shown


def listing(request: Request) -> Json:
    """GET experiments/ID/suggestions: all, those that are open, or those of the ids that are given."""
    experiment = experiment_of(request)
    rows = select(SuggestionRow).where(
        SuggestionRow.experiment_id == experiment.id,
        SuggestionRow.deleted == bool(request.flag("deleted")),
    )
    if request.data.get("state") is not None:
        one_of("state", request.data["state"], ("open",))
        rows = rows.where(IS_OPEN)
    if request.data.get("id") not in (None, "", []):
        rows = rows.where(SuggestionRow.id.in_(_ids(request.data["id"])))
    rows = rows.options(with_points(SuggestionRow.point), selectinload(SuggestionRow.details))
    return page_of(
        request,
        rows,
        SuggestionRow.id,
        lambda found: _shapes(request, experiment, found),
        ascending=False,
    )


def update(request: Request) -> Json:
    """PUT experiments/ID/suggestions/ID: replace its metadata; nothing else of it changes."""
    experiment = experiment_of(request, lock=True)
    suggestion = find_suggestion(request.session, experiment, request.ids[1])
    if "metadata" in request.data:
        set_metadata(suggestion, SuggestionMetadata, request.data["metadata"])
    [shown] = _shapes(request, experiment, [suggestion])
    return shown


def delete(request: Request) -> Json:
    """DELETE experiments/ID/suggestions/ID; its number is not given out again."""
    experiment = experiment_of(request, lock=True)
    find_suggestion(request.session, experiment, request.ids[1]).deleted = True
    return {}


def delete_all(request: Request) -> Json:
    """DELETE experiments/ID/suggestions: all of them, or with state=open those that are open."""
    experiment = experiment_of(request, lock=True)
    rows = select(SuggestionRow).where(SuggestionRow.experiment_id == experiment.id, ~SuggestionRow.deleted)
    if request.data.get("state") is not None:
        one_of("state", request.data["state"], ("open",))
        rows = rows.where(IS_OPEN)
    for suggestion in request.session.scalars(rows):
        suggestion.deleted = True
    return {}


def _ids(given: Any) -> list[int]:
    """Return the ids of a comma list, or of a list."""
    parts = given if isinstance(given, list) else str(given).strip("[]").split(",")
    ids = [id_or_none(str(part).strip().strip('"')) for part in parts]
    if None in ids:
        raise bad_request(f"id: expected ids with commas between, got {given!r}")
    return [number for number in ids if number is not None]


def _shapes(request: Request, experiment: ExperimentRow, rows: Sequence[SuggestionRow]) -> list[Json]:
    ids = [row.id for row in rows]
    query = select(ObservationRow.suggestion_id).where(ObservationRow.suggestion_id.in_(ids)).distinct()
    closed = set(request.session.scalars(query))
    return [_json(experiment, row, is_open=row.id not in closed) for row in rows]


def _json(experiment: ExperimentRow, suggestion: SuggestionRow, *, is_open: bool) -> Json:
    point: PointRow = suggestion.point
    return {
        "object": "suggestion",
        "id": str(suggestion.id),
        "experiment": str(experiment.id),
        "assignments": assignments_json(experiment, point),
        "state": "open" if is_open else "closed",
        "created": suggestion.created,
        "deleted": suggestion.deleted,
        "metadata": metadata_json(suggestion),
        **task_fields(experiment, point.task_id),
    }
