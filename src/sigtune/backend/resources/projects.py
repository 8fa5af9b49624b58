"""Projects: named groups of experiments."""

from __future__ import annotations

import re
import time
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sigtune.backend.errors import bad_request, conflict, not_found
from sigtune.backend.metadata import metadata_json, metadata_rows, update_metadata
from sigtune.backend.pagination import PAGING_FIELDS, page_of
from sigtune.backend.requests import CLIENT_ID, Json, Request
from sigtune.backend.tables import ProjectMetadata, ProjectRow

_ID_PATTERN = re.compile(r"[a-z0-9_.-]{1,32}")


def create(request: Request) -> Json:
    """POST clients/ID/projects."""
    check_client(request)
    data = request.only("id", "name", "metadata")
    reference, name = data.get("id"), data.get("name")
    if not isinstance(reference, str) or not _ID_PATTERN.fullmatch(reference):
        what = "id: expected 1 to 32 lower-case letters, digits, hyphens, underscores and dots"
        raise bad_request(f"{what}, got {reference!r}")
    now = int(time.time())
    project = ProjectRow(reference=reference, name=_name(name), created=now, updated=now)
    project.details = metadata_rows(ProjectMetadata, data.get("metadata"))
    request.session.add(project)
    try:
        request.session.flush()
    except IntegrityError as error:
        raise conflict(f"the project {reference} already exists") from error
    return project_json(project)


def detail(request: Request) -> Json:
    """GET clients/ID/projects/ID."""
    check_client(request)
    request.only()
    return project_json(find(request.session, request.ids[1]))


def listing(request: Request) -> Json:
    """GET clients/ID/projects."""
    check_client(request)
    request.only(*PAGING_FIELDS)
    return page_of(request, select(ProjectRow), ProjectRow.id, project_json)


def update(request: Request) -> Json:
    """PUT clients/ID/projects/ID."""
    check_client(request)
    data = request.only("name", "metadata")
    project = find(request.session, request.ids[1])
    if "name" in data:
        project.name = _name(data["name"])
    if "metadata" in data:
        update_metadata(project.details, ProjectMetadata, data["metadata"])
    project.updated = int(time.time())
    return project_json(project)


def find(session: Session, reference: str) -> ProjectRow:
    """Return the project of this id; raises a 404 if there is none."""
    project = session.scalar(select(ProjectRow).where(ProjectRow.reference == reference))
    if project is None:
        raise not_found(f"no project {reference}")
    return project


def check_client(request: Request) -> None:
    """Raise a 404 unless the path names the one client of an embedded backend."""
    if request.ids[0] != CLIENT_ID:
        raise not_found(f"no client {request.ids[0]}")


def project_json(project: ProjectRow) -> Json:
    """Return a project in SigOpt's shape."""
    return {
        "object": "project",
        "id": project.reference,
        "client": CLIENT_ID,
        "name": project.name,
        "user": None,
        "created": project.created,
        "updated": project.updated,
        "metadata": metadata_json(project.details),
    }


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise bad_request(f"name: expected a name, got {name!r}")
    return name
