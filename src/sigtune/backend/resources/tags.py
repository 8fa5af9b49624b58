"""Tags: coloured labels of training runs."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from sigtune.backend.errors import bad_request, conflict, not_found, unprocessable
from sigtune.backend.lookup import check_client, run_of
from sigtune.backend.pagination import page_of
from sigtune.backend.requests import CLIENT_ID, Json, Request, id_or_none, parse_id, text
from sigtune.backend.tables import TagRow

LONGEST_NAME = 100
FIELDS = ("name", "color")

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")


def create(request: Request) -> Json:
    """POST clients/ID/tags."""
    check_client(request)
    data = request.only(*FIELDS)
    color = data.get("color")
    if not isinstance(color, str) or not _COLOR.fullmatch(color):
        raise bad_request(f"color: expected one such as #112233, got {color!r}")
    tag = TagRow(name=text("name", data.get("name"), LONGEST_NAME), color=color)
    request.session.add(tag)
    try:
        request.session.flush()
    except IntegrityError as error:
        raise conflict(f"the tag {data['name']} already exists") from error
    return _json(tag)


def listing(request: Request) -> Json:
    """GET clients/ID/tags."""
    check_client(request)
    return page_of(request, select(TagRow), TagRow.id, lambda found: [_json(row) for row in found])


def add_to_run(request: Request) -> Json:
    """POST training_runs/ID/tags: put on a run the tag whose id is given; a 422 where there is none."""
    run = run_of(request, lock=True)
    tag_id = id_or_none(request.data.get("id"))
    tag = None if tag_id is None else request.session.get(TagRow, tag_id)
    if tag is None:
        raise unprocessable(f"no tag {request.data.get('id')}")
    if tag not in run.tags:
        run.tags.append(tag)
    return _json(tag)


def take_from_run(request: Request) -> Json:
    """DELETE training_runs/ID/tags/ID."""
    run = run_of(request, lock=True)
    tag = request.session.get(TagRow, parse_id(request.ids[1], "tag"))
    if tag is None or tag not in run.tags:
        raise not_found(f"no tag {request.ids[1]} on run {run.id}")
    run.tags.remove(tag)
    return _json(tag)


def _json(tag: TagRow) -> Json:
    return {"object": "tag", "id": str(tag.id), "client": CLIENT_ID, "name": tag.name, "color": tag.color}
