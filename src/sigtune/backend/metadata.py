"""Metadata that users attach to things: scalars by name, one row each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from sigtune.backend.errors import bad_request
from sigtune.backend.requests import Json
from sigtune.backend.tables import (
    ExperimentMetadata,
    MetadataEntry,
    ObservationMetadata,
    ProjectMetadata,
    SuggestionMetadata,
)
from sigtune.definition.validation import metadata_problems
from sigtune.errors import format_problems

Entry = TypeVar("Entry", ProjectMetadata, ExperimentMetadata, SuggestionMetadata, ObservationMetadata)


def metadata_rows(table: type[Entry], metadata: Any) -> list[Entry]:
    """Return the rows for metadata as given; raises a 400 if it is not a mapping of names to scalars."""
    problems = metadata_problems(metadata)
    if problems:
        raise bad_request("\n".join(format_problems(problems)))
    return [table(key=key, **_columns(value)) for key, value in (metadata or {}).items()]


def update_metadata(rows: list[Entry], table: type[Entry], metadata: Any) -> None:
    """Replace what a thing's metadata holds, keeping the rows whose keys stay."""
    new = {row.key: row for row in metadata_rows(table, metadata)}
    old = {row.key: row for row in rows}
    for key, row in new.items():
        if key in old:
            old[key].kind, old[key].text, old[key].number = row.kind, row.text, row.number
    rows[:] = [old.get(key, row) for key, row in new.items()]


def metadata_json(rows: Iterable[MetadataEntry]) -> Json:
    """Return the metadata that the rows hold."""
    return {row.key: _value(row) for row in rows}


def _columns(value: Any) -> Json:
    if value is None:
        return {"kind": "null"}
    if isinstance(value, str):
        return {"kind": "text", "text": value}
    return {"kind": type(value).__name__, "number": float(value)}


def _value(row: MetadataEntry) -> Any:
    if row.kind in ("null", "text"):
        return row.text
    return {"int": int, "float": float, "bool": bool}[row.kind](row.number or 0.0)
