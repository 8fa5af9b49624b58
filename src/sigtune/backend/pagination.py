"""SigOpt's pagination: newest first; `before` and `after` are ids, and a page names those of its ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from sigtune.backend.requests import Json, Request, parse_id, whole_number

PAGING_FIELDS = ("limit", "before", "after")
MAX_PAGE = 1000

Row = TypeVar("Row")


def pagination(data: Iterable[Json], count: int, before: int | None = None, after: int | None = None) -> Json:
    """Return the JSON of one page."""
    markers = {"before": before, "after": after}
    paging = {name: None if marker is None else str(marker) for name, marker in markers.items()}
    return {
        "object": "pagination",
        "count": count,
        "data": list(data),
        "paging": {"object": "paging", **paging},
    }


def page_of(
    request: Request,
    rows: Select[Row],
    key: InstrumentedAttribute[int],
    shape: Callable[[Row], Json],
) -> Json:
    """Return the page of `rows` that the request's limit, before and after ask for, ordered by `key`."""
    count = request.session.scalar(select(func.count()).select_from(rows.subquery())) or 0
    limit = _limit(request.data.get("limit"))
    before, after = (_marker(request.data.get(end)) for end in ("before", "after"))
    # Asked for what comes after an id, and nothing else, the page is the one next to that id.
    ascending = after is not None and before is None
    conditions: list[ColumnElement[bool]] = []
    if before is not None:
        conditions.append(key < before)
    if after is not None:
        conditions.append(key > after)
    order = key.asc() if ascending else key.desc()
    found = list(request.session.scalars(rows.where(*conditions).order_by(order).limit(limit + 1)))
    more, found = len(found) > limit, found[:limit]
    if ascending:
        found.reverse()
    if not found:
        return pagination([], count)
    oldest, newest = (getattr(row, key.key) for row in (found[-1], found[0]))
    older_exist = ascending or more
    newer_exist = more if ascending else before is not None
    return pagination(
        map(shape, found), count, oldest if older_exist else None, newest if newer_exist else None
    )


def _limit(limit: Any) -> int:
    return MAX_PAGE if limit is None else min(whole_number("limit", limit, 0), MAX_PAGE)


def _marker(marker: Any) -> int | None:
    return None if marker is None else parse_id(marker, "page at")
