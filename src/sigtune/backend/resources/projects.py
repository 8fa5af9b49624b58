"""Projects: named groups of experiments and runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, selectinload

from sigtune.backend import clock
from sigtune.backend.errors import bad_request, conflict
from sigtune.backend.lookup import check_client, find_project
from sigtune.backend.metadata import metadata_json, set_metadata
from sigtune.backend.pagination import PAGE, page_of
from sigtune.backend.requests import CLIENT_ID, Json, Request, one_of, text
from sigtune.backend.tables import ExperimentRow, ProjectMetadata, ProjectRow, TrainingRunRow

LONGEST_NAME = 100
FIELDS = ("id", "name", "metadata")
UPDATABLE = ("name", "metadata")
LISTED_BY = ("sort", "user", *PAGE)

_ID_PATTERN = re.compile(r"[a-z0-9_.-]{1,32}")


def create(request: Request) -> Json:
    """POST clients/ID/projects."""
    check_client(request)
    data = request.only(*FIELDS)
    reference = data.get("id")
    if not isinstance(reference, str) or not _ID_PATTERN.fullmatch(reference):
        what = "id: expected 1 to 32 lower-case letters, digits, hyphens, underscores and dots"
        raise bad_request(f"{what}, got {reference!r}")
    project = ProjectRow(
        reference=reference,
        name=text("name", data.get("name"), LONGEST_NAME),
        created=clock.seconds(),
        updated=clock.microseconds(),
    )
    set_metadata(project, ProjectMetadata, data.get("metadata"))
    request.session.add(project)
    try:
        request.session.flush()
    except IntegrityError as error:
        raise conflict(f"the project {reference} already exists") from error
    return _json(project, 0, 0)


def detail(request: Request) -> Json:
    """GET clients/ID/projects/ID."""
    check_client(request)
    [shown] = _shapes(request, [find_project(request.session, request.ids[1])])
    return shown


def listing(request: Request) -> Json:
    """GET clients/ID/projects: the last updated first, or with sort=created the newest."""
    check_client(request)
    sort = one_of("sort", request.data.get("sort") or "updated", ("created", "updated"))
    rows = select(ProjectRow).options(selectinload(ProjectRow.details))
    if request.data.get("user") not in (None, CLIENT_ID, int(CLIENT_ID)):
        rows = rows.where(ProjectRow.id < 0)
    keys = [] if sort == "created" else [ProjectRow.updated]
    return page_of(request, rows, ProjectRow.id, lambda found: _shapes(request, found), sort=keys)


def update(request: Request) -> Json:
    """PUT clients/ID/projects/ID."""
    check_client(request)
    data = request.only(*UPDATABLE)
    project = find_project(request.session, request.ids[1])
    if "name" in data:
        project.name = text("name", data["name"], LONGEST_NAME)
    if "metadata" in data:
        set_metadata(project, ProjectMetadata, data["metadata"])
    project.updated = clock.microseconds()
    [shown] = _shapes(request, [project])
    return shown


def given_project(request: Request, reference: Any) -> ProjectRow | None:
    """Return the project that a body names, None where it names none; raises a 400 if there is none."""
    if reference is None:
        return None
    project = None
    if isinstance(reference, str):
        project = request.session.scalar(select(ProjectRow).where(ProjectRow.reference == reference))
    if project is None:
        raise bad_request(f"project: no project {reference!r}; create it first")
    return project


def _shapes(request: Request, projects: Sequence[ProjectRow]) -> list[Json]:
    experiments = _counts(request, ExperimentRow.project_id, projects)
    runs = _counts(request, TrainingRunRow.project_id, projects)
    return [_json(project, experiments.get(project.id, 0), runs.get(project.id, 0)) for project in projects]


def _counts(
    request: Request, column: InstrumentedAttribute[Any], projects: Sequence[ProjectRow]
) -> dict[int, int]:
    ids = [project.id for project in projects]
    query = select(column, func.count()).where(column.in_(ids)).group_by(column)
    return {row[0]: row[1] for row in request.session.execute(query)}


def _json(project: ProjectRow, experiments: int, runs: int) -> Json:
    return {
        "object": "project",
        "id": project.reference,
        "client": CLIENT_ID,
        "name": project.name,
        "user": CLIENT_ID,
        "created": project.created,
        "updated": clock.whole_seconds(project.updated),
        "deleted": False,
        "experiment_count": experiments,
        "training_run_count": runs,
        "metadata": metadata_json(project),
    }
