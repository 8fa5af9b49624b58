"""A request as its handler sees it, and the reading of its fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy.orm import Session

from sigtune.backend.ahead import Ahead
from sigtune.backend.errors import bad_request, not_found
from sigtune.backend.store import Store
from sigtune.definition.parameters import is_whole
from sigtune.errors import nearest

Json: TypeAlias = dict[str, Any]

CLIENT_ID = "1"
"""The one client of a store, its one user and its one organization."""

LARGEST_ID = 2**31 - 1

_FLAGS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Request:
    """One call: the ids in its path, its body or query, and the transaction that it runs in."""

    session: Session
    ids: tuple[str, ...]
    data: Json
    token: str = ""

    def only(self, *fields: str) -> Json:
        """Return the fields that were given; raises a 400 for any that is not among those named.

        A field that is None asks for nothing, so it may have any name.
        """
        return only_fields(self.data, *fields)

    def flag(self, name: str) -> bool | None:
        """Return a flag of the query, given as true, false, 1 or 0; None where it is not; raises a 400."""
        value = self.data.get(name)
        if value is None or isinstance(value, bool):
            return value
        flag = _FLAGS.get(str(value).lower())
        if flag is None:
            raise bad_request(f"{name}: expected true or false, got {value!r}")
        return flag


@dataclass(frozen=True)
class Call:
    """A request that has not begun a transaction yet.

    What takes long, the choice of a point, happens between two transactions.
    """

    store: Store
    method: str
    ids: tuple[str, ...]
    data: Json
    seed: int = 0
    token: str = ""
    ahead: Ahead = field(default_factory=Ahead)

    @contextmanager
    def reading(self) -> Iterator[Request]:
        """Enter a transaction that reads."""
        with self.store.reading() as session:
            yield self._request(session)

    @contextmanager
    def writing(self) -> Iterator[Request]:
        """Enter a transaction that writes, which is committed at the end or rolled back by an exception."""
        with self.store.writing() as session:
            yield self._request(session)

    def _request(self, session: Session) -> Request:
        return Request(session, self.ids, self.data, self.token)


@dataclass(frozen=True)
class Handler:
    """What answers a method of a route: `fields` are those of its body, or of its query, that it reads."""

    answer: Callable[[Call], Json]
    fields: tuple[str, ...]
    description: str

    def __call__(self, call: Call) -> Json:
        """Answer a call."""
        return self.answer(call)


def computes(answer: Callable[[Call], Json], *fields: str) -> Handler:
    """Return a handler that begins its transactions itself."""
    return Handler(answer, fields, answer.__doc__ or "")


def reads(answer: Callable[[Request], Json], *fields: str) -> Handler:
    """Return a handler that answers within one reading transaction."""

    def handle(call: Call) -> Json:
        with call.reading() as request:
            return answer(request)

    return Handler(handle, fields, answer.__doc__ or "")


def writes(answer: Callable[[Request], Json], *fields: str) -> Handler:
    """Return a handler that answers within one writing transaction."""

    def handle(call: Call) -> Json:
        with call.writing() as request:
            return answer(request)

    return Handler(handle, fields, answer.__doc__ or "")


def only_fields(data: Mapping[str, Any], *fields: str) -> Json:
    """Return the fields; raises a 400 for any that is given and not among those named."""
    for name, value in data.items():
        if name not in fields and value is not None:
            expected = nearest(name, fields) if fields else "none"
            raise bad_request(f"unknown field {name!r}; expected: {expected}")
    return dict(data)


def parse_id(value: Any, kind: str) -> int:
    """Return an id, which may be an int or its digits; raises a 404 naming the kind of thing otherwise."""
    number = id_or_none(value)
    if number is None:
        raise not_found(f"no {kind} {value}")
    return number


def id_or_none(value: Any) -> int | None:
    """Return an id given as an int or as its digits; None for what cannot be one."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return int(text) if int(text) <= LARGEST_ID else None


def query_number(name: str, value: Any, low: int) -> int:
    """Return a whole number of a query, which has its digits; raises a 400 for anything else."""
    is_digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16
    return whole_number(name, int(value) if is_digits else value, low)


def whole_number(name: str, value: Any, low: int) -> int:
    """Return a whole number; raises a 400 for anything else."""
    if not is_whole(value) or value < low:
        raise bad_request(f"{name}: expected a whole number of at least {low}, got {value!r}")
    return int(value)


def one_of(name: str, value: Any, choices: Collection[str]) -> str:
    """Return the value if it is one of the choices; raises a 400 otherwise."""
    if not isinstance(value, str) or value not in choices:
        raise bad_request(f"{name}: expected {' or '.join(choices)}, got {value!r}")
    return value


def boolean(name: str, value: Any) -> bool:
    """Return true or false, which null stands for too; raises a 400 for anything else."""
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"{name}: expected true or false, got {value!r}")
    return bool(value)


def text(name: str, value: Any, longest: int) -> str:
    """Return a string that is neither blank nor longer than `longest`; raises a 400 otherwise."""
    if not isinstance(value, str) or not value.strip():
        raise bad_request(f"{name}: expected a string, got {value!r}")
    if len(value) > longest:
        raise bad_request(f"{name}: {len(value)} characters are more than {longest}")
    return value


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """Return a mapping; raises a 400 for anything else."""
    if not isinstance(value, Mapping):
        raise bad_request(f"{name}: expected an object, got {value!r}")
    return value


def list_of_mappings(name: str, value: Any) -> list[Mapping[str, Any]]:
    """Return a list of mappings; raises a 400 for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise bad_request(f"{name}: expected a list of objects")
    return value
