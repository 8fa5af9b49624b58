"""A request as its handler sees it, and the reading of its fields."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy.orm import Session

from sigtune.backend.errors import bad_request, not_found
from sigtune.definition.parameters import is_whole
from sigtune.errors import nearest

Json: TypeAlias = dict[str, Any]

CLIENT_ID = "1"
"""The one client of an embedded backend."""


@dataclass(frozen=True)
class Request:
    """One call: the ids in its path, its body or query, and the transaction that it runs in."""

    session: Session
    ids: tuple[str, ...]
    data: Json
    seed: int = 0

    def only(self, *fields: str) -> Json:
        """Return the fields that were given; raises a 400 for any that is not among those named.

        A field that is None asks for nothing, so it may have any name.
        """
        for field, value in self.data.items():
            if field not in fields and value is not None:
                expected = nearest(field, fields) if fields else "none"
                raise bad_request(f"unknown field {field!r}; expected: {expected}")
        return self.data


def parse_id(value: Any, kind: str) -> int:
    """Return an id, which may be an int or its digits; raises a 404 naming the kind of thing otherwise."""
    text = str(value)
    # More digits than any id of a database would overflow its integers.
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise not_found(f"no {kind} {value}")
    return int(text)


def whole_number(name: str, value: Any, low: int) -> int:
    """Return a whole number, given as one or (in a query) as its digits; raises a 400 for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not is_whole(value) or value < low:
        raise bad_request(f"{name}: expected a whole number of at least {low}, got {value!r}")
    return int(value)


def one_of(name: str, value: Any, choices: Collection[str]) -> str:
    """Return the value if it is one of the choices; raises a 400 otherwise."""
    if value not in choices:
        raise bad_request(f"{name}: expected {' or '.join(choices)}, got {value!r}")
    return str(value)
