"""SigOpt's pagination: newest first; a page names its ends by markers, `before` the older, `after` the newer.

A marker holds the sort values and the id of a row. With `before` a page begins next to that row and goes
down; with only `after` it ends next to it. `ascending` reverses the page, not the meaning of the markers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from sigtune.backend.errors import bad_request
from sigtune.backend.requests import Json, Request, query_number

MAX_PAGE = 1000

MARKERS = ("limit", "before", "after")
PAGE = (*MARKERS, "ascending")
"""The fields of a query that ask for a page; without the last where the order is fixed."""

Row = TypeVar("Row")
SortValue: TypeAlias = float | int | str | None
SortKey: TypeAlias = ColumnElement[Any] | InstrumentedAttribute[Any]


@dataclass(frozen=True)
class Marker:
    """A place in a list: between rows, or at one."""

    values: tuple[SortValue, ...]
    id: int

    def encode(self) -> str:
        """Return the marker as the opaque text that clients see."""
        return base64.urlsafe_b64encode(json.dumps([*self.values, self.id]).encode()).decode().rstrip("=")

    def moved(self, by: int) -> Marker:
        """Return the place just above or below."""
        return Marker(self.values, self.id + by)


@dataclass(frozen=True)
class _Window:
    """What was asked for. `downwards`: the page begins at `before`, or at the newest row."""

    limit: int
    before: Marker | None
    after: Marker | None
    ascending: bool

    @property
    def downwards(self) -> bool:
        if self.ascending:
            return self.before is not None and self.after is None
        return self.before is not None or self.after is None


def pagination(data: Iterable[Json], count: int, before: str | None = None, after: str | None = None) -> Json:
    """Return the JSON of one page."""
    return {
        "object": "pagination",
        "count": count,
        "data": list(data),
        "paging": {"before": before, "after": after},
    }


def page_of(
    request: Request,
    rows: Select[Row],
    id_column: InstrumentedAttribute[int],
    shapes: Callable[[Sequence[Row]], Iterable[Json]],
    *,
    sort: Sequence[SortKey] = (),
    ascending: bool | None = None,
) -> Json:
    """Return the page of `rows` that the request's limit, before, after and ascending ask for.

    The rows are ordered by each of `sort`, with nothing as the highest value, and then by id. `ascending` is
    the request's unless it is given. Raises a 400 for a limit or marker that is not one.
    """
    count = request.session.scalar(select(func.count()).select_from(rows.subquery())) or 0
    window = _window(request, ascending, len(sort))
    lower = true() if window.before is None else _is_below(sort, id_column, window.before)
    higher = true() if window.after is None else _is_above(sort, id_column, window.after)
    order = _order(sort, id_column, downwards=window.downwards)
    page = rows.add_columns(*sort).where(lower, higher).order_by(*order).limit(window.limit + 1)
    found = [
        (row, Marker(tuple(values), getattr(row, id_column.key)))
        for row, *values in request.session.execute(page)
    ]
    before, after = _ends(window, [marker for _row, marker in found])
    data = [row for row, _marker in found[: window.limit]]
    if window.downwards == window.ascending:  # read in the other order than it is shown
        data.reverse()
    return pagination(shapes(data), count, _encoded(before), _encoded(after))


def _encoded(marker: Marker | None) -> str | None:
    return None if marker is None else marker.encode()


def _window(request: Request, ascending: bool | None, sorted_by: int) -> _Window:
    data = request.data
    if ascending is None:
        ascending = bool(request.flag("ascending"))
    before, after = (_marker(data, end, sorted_by) for end in ("before", "after"))
    return _Window(_limit(data.get("limit")), before, after, ascending)


def _order(
    sort: Sequence[SortKey], id_column: InstrumentedAttribute[int], *, downwards: bool
) -> list[ColumnElement[Any]]:
    if downwards:
        falling = [part for key in sort for part in (key.is_(None).desc(), key.desc())]
        return [*falling, id_column.desc()]
    rising = [part for key in sort for part in (key.is_(None), key.asc())]
    return [*rising, id_column.asc()]


def _ends(window: _Window, markers: list[Marker]) -> tuple[Marker | None, Marker | None]:
    """Return the markers below and above the page: None where a list ends."""
    more, shown = len(markers) > window.limit, markers[: window.limit]
    if shown:
        first, last = shown[0], shown[-1] if more else None
        return (last, first) if window.downwards else (first, last)
    if more:  # limit=0: the next page begins with the row that was left out
        return (markers[0].moved(1), None) if window.downwards else (None, markers[0].moved(-1))
    if window.downwards:
        return window.before, window.before and window.before.moved(1)
    return window.after and window.after.moved(-1), window.after


def _is_below(
    sort: Sequence[SortKey], id_column: InstrumentedAttribute[int], marker: Marker
) -> ColumnElement[bool]:
    below: ColumnElement[bool] = id_column < marker.id
    for key, value in zip(reversed(sort), reversed(marker.values), strict=True):
        if value is None:
            below = or_(key.is_not(None), and_(key.is_(None), below))
        else:
            below = or_(key < value, and_(key == value, below))
    return below


def _is_above(
    sort: Sequence[SortKey], id_column: InstrumentedAttribute[int], marker: Marker
) -> ColumnElement[bool]:
    above: ColumnElement[bool] = id_column > marker.id
    for key, value in zip(reversed(sort), reversed(marker.values), strict=True):
        if value is None:
            above = and_(key.is_(None), above)
        else:
            above = or_(key.is_(None), key > value, and_(key == value, above))
    return above


def _limit(limit: Any) -> int:
    if limit is None:
        return MAX_PAGE
    number = query_number("limit", limit, 0)
    if number > MAX_PAGE:
        raise bad_request(f"limit: {number} is more than {MAX_PAGE}")
    return number


def _marker(data: Json, end: str, sorted_by: int) -> Marker | None:
    given = data.get(end)
    if given is None:
        return None
    try:
        padded = str(given) + "=" * (-len(str(given)) % 4)
        *values, row_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise bad_request(f"{end}: {given!r} is not a marker of a page") from error
    known = all(value is None or isinstance(value, float | int | str) for value in values)
    if len(values) != sorted_by or not known or not isinstance(row_id, int) or abs(row_id) > 2**31:
        raise bad_request(f"{end}: {given!r} is not a marker of this list")
    return Marker(tuple(values), row_id)
