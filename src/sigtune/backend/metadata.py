"""Metadata that users attach to things: strings and numbers by name, one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from sigtune.backend.errors import bad_request
from sigtune.backend.requests import Json
from sigtune.backend.tables import MetadataEntry
from sigtune.definition.metadata import LONGEST_KEY, LONGEST_TEXT, MAX_KEYS
from sigtune.definition.parameters import is_number, is_whole

Entry = TypeVar("Entry", bound=MetadataEntry)


class Described(Protocol):
    """Anything that carries metadata; without the flag its metadata is null, and with it perhaps empty."""

    has_metadata: Any
    details: Any


def metadata_rows(table: type[Entry], metadata: Any, *, most: int = MAX_KEYS) -> list[Entry]:
    """Return the rows for metadata as given, of which entries that are null ask for nothing.

    Raises a 400 if it does not map short strings to strings and numbers, or has more than `most` entries.
    """
    if metadata is None:
        return []
    if not isinstance(metadata, Mapping):
        raise bad_request(f"metadata: expected a mapping of names to strings and numbers, got {metadata!r}")
    if len(metadata) > most:
        raise bad_request(f"metadata: {len(metadata)} entries are more than {most}")
    columns = {key: _columns(key, value) for key, value in metadata.items() if value is not None}
    build: Callable[..., Entry] = table  # the constructor of a mapped class takes its columns
    return [build(key=key, **values) for key, values in columns.items()]


def set_metadata(thing: Described, table: type[Entry], metadata: Any, *, most: int = MAX_KEYS) -> None:
    """Replace what a thing's metadata holds, keeping the rows whose keys stay."""
    rows: list[Entry] = thing.details
    new = {row.key: row for row in metadata_rows(table, metadata, most=most)}
    thing.has_metadata = metadata is not None
    replace_entries(rows, new)


def merge_metadata(thing: Described, table: type[Entry], metadata: Any) -> None:
    """Add entries to a thing's metadata; None removes all of it."""
    if metadata is None:
        set_metadata(thing, table, None)
        return
    thing.has_metadata = True
    kept = {row.key: row for row in thing.details}
    replace_entries(thing.details, {**kept, **{row.key: row for row in metadata_rows(table, metadata)}})
    if len(thing.details) > MAX_KEYS:
        raise bad_request(f"metadata: {len(thing.details)} entries are more than {MAX_KEYS}")


def replace_entries(rows: list[Entry], new: Mapping[str, Entry]) -> None:
    """Make the rows those of `new`; a row whose key stays is changed rather than exchanged."""
    old = {row.key: row for row in rows}
    for key, row in new.items():
        if key in old:
            old[key].kind, old[key].text, old[key].number = row.kind, row.text, row.number
    rows[:] = [old.get(key, row) for key, row in new.items()]


def metadata_json(thing: Described) -> Json | None:
    """Return a thing's metadata; None where it was given none."""
    return entries_json(thing.details) if thing.has_metadata else None


def entries_json(rows: Iterable[MetadataEntry]) -> Json:
    """Return the entries that the rows hold, by name."""
    return {row.key: _value(row) for row in sorted(rows, key=lambda row: row.key)}


def _columns(key: Any, value: Any) -> Json:
    if not isinstance(key, str) or len(key) > LONGEST_KEY:
        raise bad_request(f"metadata: {key!r} is not a string of at most {LONGEST_KEY} characters")
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise bad_request(f"metadata.{key}: more than {LONGEST_TEXT} characters")
        return {"kind": "text", "text": value}
    if not is_number(value):
        raise bad_request(f"metadata.{key}: cannot hold {value!r}; expected a string or a number")
    return {"kind": "int" if isinstance(value, int) and is_whole(value) else "float", "number": float(value)}


def _value(row: MetadataEntry) -> Any:
    if row.kind in ("null", "text"):
        return row.text
    return {"int": int, "float": float, "bool": bool}[row.kind](row.number or 0.0)
