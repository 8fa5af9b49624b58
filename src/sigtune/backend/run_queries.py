"""The fields by which training runs are filtered and sorted, and how many runs have each."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from sigtune.backend.errors import bad_request
from sigtune.backend.requests import Json, id_or_none
from sigtune.backend.run_fields import STATES
from sigtune.backend.tables import (
    RunAssignment,
    RunLogRow,
    RunMetadata,
    RunValueRow,
    SuggestionRow,
    TrainingRunRow,
)
from sigtune.definition.parameters import is_number

_OPERATORS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}

_COLUMNS: dict[str, tuple[InstrumentedAttribute[Any], str]] = {
    "id": (TrainingRunRow.id, "id"),
    "experiment": (TrainingRunRow.experiment_id, "id"),
    "observation": (TrainingRunRow.observation_id, "id"),
    "suggestion": (TrainingRunRow.suggestion_id, "id"),
    "created": (TrainingRunRow.created, "timestamp"),
    "updated": (TrainingRunRow.updated, "timestamp"),
    "completed": (TrainingRunRow.completed, "timestamp"),
    "finished": (TrainingRunRow.completed, "timestamp"),
    "deleted": (TrainingRunRow.deleted, "boolean"),
    "favorite": (TrainingRunRow.favorite, "boolean"),
    "name": (TrainingRunRow.name, "string"),
    "state": (TrainingRunRow.state, "string"),
    "model.type": (TrainingRunRow.model_type, "string"),
    "source_code.content": (TrainingRunRow.source_content, "string"),
    "source_code.hash": (TrainingRunRow.source_hash, "string"),
}

_ENTRIES: dict[str, type[Any]] = {"assignments": RunAssignment, "metadata": RunMetadata}


def filtered(rows: Select[TrainingRunRow], filters: Any) -> Select[TrainingRunRow]:
    """Return the runs that all filters, given as a list or as its JSON, hold for; raises a 400."""
    if not filters:
        return rows
    if isinstance(filters, str):
        try:
            filters = json.loads(filters)
        except (ValueError, RecursionError) as error:
            raise bad_request("filters: not JSON") from error
    if not isinstance(filters, list) or not all(isinstance(item, Mapping) for item in filters):
        raise bad_request("filters: expected a list of {field, operator, value}")
    return rows.where(*(_condition(item) for item in filters))


def sort_key(field: str) -> ColumnElement[Any] | InstrumentedAttribute[Any]:
    """Return what runs are ordered by; raises a 400 for a field that they cannot be ordered by."""
    key: ColumnElement[Any] = _column(field, "sort")[0]
    return key


def defined_fields(session: Session, rows: Select[TrainingRunRow]) -> list[Json]:
    """Return the fields that any of the runs has, with how many have it."""
    runs = rows.subquery()
    counted = [
        (name, kind, func.count(runs.c[column.key]))
        for name, (column, kind) in _COLUMNS.items()
        if name != "finished"
    ]
    counts = session.execute(select(*(count for _name, _kind, count in counted))).one()
    fields = [_field(name, kind, count) for (name, kind, _), count in zip(counted, counts, strict=True)]
    ids = select(runs.c.id)
    for prefix, table in _ENTRIES.items():
        query = (
            select(table.key, func.min(table.kind), func.count())
            .where(table.run_id.in_(ids))
            .group_by(table.key)
            .order_by(table.key)
        )
        for key, kind, count in session.execute(query):
            fields.append(_field(f"{prefix}.{key}", "string" if kind == "text" else "numeric", count))
    values = (
        select(RunValueRow.name, func.count())
        .where(RunValueRow.run_id.in_(ids))
        .group_by(RunValueRow.name)
        .order_by(RunValueRow.name)
    )
    for name, count in session.execute(values):
        fields.append(_field(f"values.{name}.value", "numeric", count))
    return [field for field in fields if field["field_count"]]


def _field(key: str, kind: str, count: int) -> Json:
    name = key.removesuffix(".value").rpartition(".")[2]
    return {"key": key, "name": name, "type": kind, "sortable": True, "field_count": count}


def _condition(given: Mapping[str, Any]) -> ColumnElement[bool]:
    field, symbol = given.get("field"), given.get("operator")
    if not isinstance(field, str) or not isinstance(symbol, str):
        raise bad_request("filters: a filter has a field and an operator")
    value = given.get("value")
    if field == "optimized_suggestion":
        return _optimized(symbol, value)
    column, kind = _column(field, "filters", value)
    if symbol == "isnull":
        missing: ColumnElement[bool] = column.is_(None)
        return missing
    if symbol not in _OPERATORS:
        raise bad_request(f"filters: {symbol!r} is not an operator; expected {', '.join(_OPERATORS)}, isnull")
    if value is None or (isinstance(value, bool) and symbol not in ("==", "!=")):
        raise bad_request(f"filters: {value!r} has no order")
    if field == "state" and (symbol != "==" or value not in STATES):
        raise bad_request(f"filters: a state is filtered by ==, and is one of {', '.join(STATES)}")
    return _OPERATORS[symbol](column, _value(field, kind, value))


def _value(field: str, kind: str, value: Any) -> Any:
    if kind == "id":
        number = id_or_none(value)
        if number is None:
            raise bad_request(f"filters: {value!r} is not an id")
        return number
    right = {
        "boolean": isinstance(value, bool),
        "string": isinstance(value, str),
        "numeric": is_number(value),
        "timestamp": is_number(value),
    }[kind]
    if not right:
        raise bad_request(f"filters: {value!r} is not a {kind}")
    return value * 1_000_000 if field == "updated" else value


def _optimized(symbol: str, value: Any) -> ColumnElement[bool]:
    if symbol not in ("==", "!=") or not isinstance(value, bool):
        raise bad_request("filters: optimized_suggestion is true or false")
    computed = and_(
        TrainingRunRow.suggestion_id.is_not(None),
        select(SuggestionRow.computed)
        .where(SuggestionRow.id == TrainingRunRow.suggestion_id)
        .scalar_subquery(),
    )
    return (
        computed if (symbol == "==") == value else or_(TrainingRunRow.suggestion_id.is_(None), not_(computed))
    )


def _column(field: str, where: str, value: Any = None) -> tuple[Any, str]:
    """Return the column or subquery that a field stands for, and its kind."""
    if field in _COLUMNS:
        return _COLUMNS[field]
    section, _, rest = field.partition(".")
    if section in _ENTRIES and rest:
        table = _ENTRIES[section]
        is_text = isinstance(value, str)
        column = table.text if is_text else table.number
        query = select(column).where(table.run_id == TrainingRunRow.id, table.key == rest)
        return query.scalar_subquery(), "string" if is_text else "numeric"
    name, _, last = rest.rpartition(".")
    if section == "values" and name and last in ("value", "value_stddev"):
        number = select(getattr(RunValueRow, last)).where(
            RunValueRow.run_id == TrainingRunRow.id, RunValueRow.name == name
        )
        return number.scalar_subquery(), "numeric"
    if section == "logs" and name and last == "content":
        log = select(RunLogRow.content).where(RunLogRow.run_id == TrainingRunRow.id, RunLogRow.name == name)
        return log.scalar_subquery(), "string"
    raise bad_request(f"{where}: {field!r} is not a field of training runs")
