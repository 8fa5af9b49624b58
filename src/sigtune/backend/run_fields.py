"""What a training run holds: its fields as they are given, merged or exchanged, and as answers show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sigtune.backend import clock
from sigtune.backend.errors import bad_request
from sigtune.backend.metadata import (
    entries_json,
    merge_metadata,
    metadata_json,
    metadata_rows,
    replace_entries,
    set_metadata,
)
from sigtune.backend.requests import CLIENT_ID, Json, boolean, mapping, one_of, only_fields, text
from sigtune.backend.tables import (
    MetadataEntry,
    RunAssignment,
    RunAssignmentMetaRow,
    RunAssignmentSourceRow,
    RunDatasetRow,
    RunDevMetadata,
    RunFeatureScoreRow,
    RunLogRow,
    RunMetadata,
    RunValueRow,
    TrainingRunRow,
)
from sigtune.backend.values import deviation, number
from sigtune.definition.metadata import MAX_KEYS

STATES = ("active", "completed", "failed")
LONGEST_NAME = 100
"""The longest key of what a run holds by name; the run itself may have a longer name, as in SigOpt."""
LONGEST_RUN_NAME = 10_000
LONGEST_LOG = 1024 + 100
"""The client shortens a log to 1024 characters and puts a note before it."""
MOST_FEATURES = 50

RUN_FIELDS = (
    "assignments",
    "assignments_meta",
    "assignments_sources",
    "datasets",
    "deleted",
    "dev_metadata",
    "favorite",
    "logs",
    "metadata",
    "model",
    "name",
    "project",
    "source_code",
    "state",
    "sys_metadata",
    "values",
)

Row = TypeVar("Row")
Entry = TypeVar("Entry", bound=MetadataEntry)


def apply_fields(run: TrainingRunRow, data: Mapping[str, Any], *, merge: bool) -> None:
    """Give a run the fields; with `merge` what holds many things by name keeps those that are not named.

    Raises a 400 for a field of the wrong form. `deleted` and `project` are not its business.
    """
    for name, apply in _FIELDS.items():
        if name in data:
            apply(run, data[name], merge)
    meta = {row.name for row in run.assignments_meta}
    unknown = meta - {row.key for row in run.assignments}
    if unknown:
        raise bad_request(f"assignments_meta: no assignments of {', '.join(sorted(unknown))}")


def run_json(run: TrainingRunRow, checkpoint_count: int) -> Json:
    """Return a training run in SigOpt's shape."""
    return {
        "object": "training_run",
        "id": str(run.id),
        "client": CLIENT_ID,
        "user": CLIENT_ID,
        "project": run.project.reference,
        "experiment": _id(run.experiment_id),
        "suggestion": _id(run.suggestion_id),
        "observation": _id(run.observation_id),
        "name": run.name,
        "state": run.state,
        "finished": run.state != "active",
        "deleted": run.deleted,
        "favorite": run.favorite,
        "created": run.created,
        "updated": clock.whole_seconds(run.updated),
        "completed": run.completed,
        "checkpoint_count": checkpoint_count,
        "files": [],
        "tags": [str(tag.id) for tag in run.tags],
        "metadata": metadata_json(run),
        "dev_metadata": entries_json(run.dev_details),
        "model": {"object": "model", "type": run.model_type},
        "source_code": {
            "object": "source_code",
            "content": run.source_content,
            "hash": run.source_hash,
        },
        "sys_metadata": _sys_metadata_json(run),
        "datasets": {row.name: {"object": "dataset"} for row in run.datasets},
        "logs": {row.name: {"object": "log", "content": row.content} for row in run.logs},
        "values": {row.name: run_value_json(row) for row in run.values},
        **_assignments_json(run),
    }


def run_value_json(row: Any) -> Json:
    """Return a metric's value in a run or checkpoint."""
    return {
        "object": "metric_evaluation",
        "name": row.name,
        "value": row.value,
        "value_stddev": row.value_stddev,
    }


def _assignments_json(run: TrainingRunRow) -> Json:
    return {
        "assignments": entries_json(run.assignments),
        "assignments_meta": {
            row.name: {"object": "assignments_meta", "source": row.source} for row in run.assignments_meta
        },
        "assignments_sources": {
            row.name: {"object": "assignments_sources", "sort": row.sort, "default_show": row.default_show}
            for row in run.assignments_sources
        },
    }


def _sys_metadata_json(run: TrainingRunRow) -> Json:
    if run.feature_importances_type is None and not run.feature_scores:
        return {}
    scores = {row.name: row.score for row in run.feature_scores}
    return {"feature_importances": {"type": run.feature_importances_type, "scores": scores}}


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)


def _set_name(run: TrainingRunRow, name: Any, merge: bool) -> None:
    del merge
    run.name = text("name", name, LONGEST_RUN_NAME)


def _set_state(run: TrainingRunRow, state: Any, merge: bool) -> None:
    del merge
    run.state = one_of("state", state, STATES)
    if run.state != "active" and run.completed is None:
        run.completed = clock.seconds()


def _set_favorite(run: TrainingRunRow, favorite: Any, merge: bool) -> None:
    del merge
    run.favorite = boolean("favorite", favorite)


def _set_metadata(run: TrainingRunRow, metadata: Any, merge: bool) -> None:
    (merge_metadata if merge else set_metadata)(run, RunMetadata, metadata)


def _set_assignments(run: TrainingRunRow, assignments: Any, merge: bool) -> None:
    _set_entries(run.assignments, RunAssignment, assignments, merge)


def _set_dev_metadata(run: TrainingRunRow, metadata: Any, merge: bool) -> None:
    _set_entries(run.dev_details, RunDevMetadata, metadata, merge)


def _set_entries(rows: list[Entry], table: type[Entry], given: Any, merge: bool) -> None:
    new = {row.key: row for row in metadata_rows(table, given)}
    kept = {row.key: row for row in rows} if merge and given is not None else {}
    replace_entries(rows, {**kept, **new})
    if len(rows) > MAX_KEYS:
        raise bad_request(f"metadata: {len(rows)} entries are more than {MAX_KEYS}")


def _set_model(run: TrainingRunRow, model: Any, merge: bool) -> None:
    del merge
    model_type = mapping("model", model or {}).get("type")
    run.model_type = None if model_type is None else _string("model.type", model_type)


def _set_source_code(run: TrainingRunRow, source_code: Any, merge: bool) -> None:
    del merge
    given = mapping("source_code", source_code or {})
    content, digest = given.get("content"), given.get("hash")
    run.source_content = None if content is None else _string("source_code.content", content)
    run.source_hash = None if digest is None else _string("source_code.hash", digest)


def _set_sys_metadata(run: TrainingRunRow, metadata: Any, merge: bool) -> None:
    given = mapping("sys_metadata", metadata or {})
    only_fields(given, "feature_importances")
    importances = mapping("sys_metadata.feature_importances", given.get("feature_importances") or {})
    only_fields(importances, "type", "scores")
    kind = importances.get("type")
    run.feature_importances_type = None if kind is None else _string("feature_importances.type", kind)
    _set_named(
        run.feature_scores,
        "sys_metadata.feature_importances.scores",
        importances.get("scores"),
        lambda name, score: RunFeatureScoreRow(name=name, score=number(name, score)),
        merge,
    )
    if len(run.feature_scores) > MOST_FEATURES:
        raise bad_request(f"sys_metadata: more than {MOST_FEATURES} features")


def _set_values(run: TrainingRunRow, values: Any, merge: bool) -> None:
    def row(name: str, given: Any) -> RunValueRow:
        value = mapping(f"values.{name}", given)
        return RunValueRow(
            name=name,
            value=number(name, value.get("value")),
            value_stddev=deviation(name, value.get("value_stddev")),
        )

    _set_named(run.values, "values", values, row, merge)


def _set_datasets(run: TrainingRunRow, datasets: Any, merge: bool) -> None:
    def row(name: str, given: Any) -> RunDatasetRow:
        mapping(f"datasets.{name}", given)
        return RunDatasetRow(name=name)

    _set_named(run.datasets, "datasets", datasets, row, merge)


def _set_logs(run: TrainingRunRow, logs: Any, merge: bool) -> None:
    def row(name: str, given: Any) -> RunLogRow:
        content = _string(f"logs.{name}.content", mapping(f"logs.{name}", given).get("content"))
        return RunLogRow(name=name, content=content[:LONGEST_LOG])

    _set_named(run.logs, "logs", logs, row, merge)


def _set_assignments_meta(run: TrainingRunRow, meta: Any, merge: bool) -> None:
    def row(name: str, given: Any) -> RunAssignmentMetaRow:
        source = mapping(f"assignments_meta.{name}", given).get("source")
        return RunAssignmentMetaRow(name=name, source=_string(f"assignments_meta.{name}.source", source))

    _set_named(run.assignments_meta, "assignments_meta", meta, row, merge)


def _set_assignments_sources(run: TrainingRunRow, sources: Any, merge: bool) -> None:
    def row(name: str, given: Any) -> RunAssignmentSourceRow:
        source = mapping(f"assignments_sources.{name}", given)
        if not isinstance(source.get("default_show"), bool):
            raise bad_request(f"assignments_sources.{name}.default_show: expected true or false")
        return RunAssignmentSourceRow(
            name=name, sort=number(name, source.get("sort")), default_show=source["default_show"]
        )

    _set_named(run.assignments_sources, "assignments_sources", sources, row, merge)


def _set_named(
    rows: list[Any], field: str, given: Any, build: Callable[[str, Any], Any], merge: bool
) -> None:
    """Make the rows those that are given by name; a row whose name stays is changed, not exchanged."""
    items = mapping(field, {} if given is None else given)
    old = {row.name: row for row in rows}
    kept = dict(old) if merge and given is not None else {}
    for name, item in items.items():
        if not isinstance(name, str) or len(name) > LONGEST_NAME:
            raise bad_request(f"{field}: {name!r} is not a name of at most {LONGEST_NAME} characters")
        row = build(name, item)
        if name in old:
            for column in [column.key for column in row.__table__.columns]:
                if column not in ("run_id", "name"):
                    setattr(old[name], column, getattr(row, column))
            row = old[name]
        kept[name] = row
    if len(kept) > MAX_KEYS:
        raise bad_request(f"{field}: {len(kept)} entries are more than {MAX_KEYS}")
    rows[:] = list(kept.values())


def _string(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise bad_request(f"{name}: expected a string, got {value!r}")
    return value


_FIELDS: dict[str, Callable[[TrainingRunRow, Any, bool], None]] = {
    "name": _set_name,
    "state": _set_state,
    "favorite": _set_favorite,
    "metadata": _set_metadata,
    "assignments": _set_assignments,
    "dev_metadata": _set_dev_metadata,
    "model": _set_model,
    "source_code": _set_source_code,
    "sys_metadata": _set_sys_metadata,
    "values": _set_values,
    "datasets": _set_datasets,
    "logs": _set_logs,
    "assignments_meta": _set_assignments_meta,
    "assignments_sources": _set_assignments_sources,
}
