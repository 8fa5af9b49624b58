"""Checkpoints: the metrics of a run while it trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from sigtune.backend import clock
from sigtune.backend.errors import bad_request, forbidden, not_found
from sigtune.backend.lookup import run_of
from sigtune.backend.metadata import metadata_json, set_metadata
from sigtune.backend.pagination import page_of
from sigtune.backend.requests import Json, Request, list_of_mappings, only_fields, parse_id, text
from sigtune.backend.run_fields import run_value_json
from sigtune.backend.tables import (
    CheckpointMetadata,
    CheckpointRow,
    CheckpointValueRow,
    ExperimentRow,
)
from sigtune.backend.values import deviation, number

MOST_IN_A_RUN = 200
MOST_METADATA = 5
LONGEST_NAME = 100
FIELDS = ("values", "metadata")


def create(request: Request) -> Json:
    """POST training_runs/ID/checkpoints, until the run is an observation."""
    data = request.only(*FIELDS)
    run = run_of(request, lock=True)
    values = [_value_row(item) for item in list_of_mappings("values", data.get("values"))]
    if len({row.name for row in values}) < len(values):
        raise bad_request("values: two values for one metric")
    if run.experiment_id is not None:
        experiment = request.session.get(ExperimentRow, run.experiment_id)
        if experiment is not None and experiment.state != "active":
            raise bad_request(f"experiment {experiment.id} is deleted")
    if run.observation_id is not None:
        raise forbidden(f"run {run.id} is observation {run.observation_id}; it takes no more checkpoints")
    count = request.session.scalar(select(func.count()).where(CheckpointRow.run_id == run.id)) or 0
    if count >= MOST_IN_A_RUN:
        raise forbidden(f"run {run.id} has {count} checkpoints, which is the most that a run can have")
    checkpoint = CheckpointRow(run_id=run.id, values=values, created=clock.seconds())
    set_metadata(checkpoint, CheckpointMetadata, data.get("metadata"), most=MOST_METADATA)
    run.updated = clock.microseconds()
    request.session.add(checkpoint)
    request.session.flush()
    return _json(checkpoint)


def detail(request: Request) -> Json:
    """GET training_runs/ID/checkpoints/ID."""
    run = run_of(request)
    checkpoint = request.session.get(CheckpointRow, parse_id(request.ids[1], "checkpoint"))
    if checkpoint is None or checkpoint.run_id != run.id:
        raise not_found(f"no checkpoint {request.ids[1]} in run {run.id}")
    return _json(checkpoint)


def listing(request: Request) -> Json:
    """GET training_runs/ID/checkpoints."""
    run = run_of(request)
    rows = (
        select(CheckpointRow)
        .where(CheckpointRow.run_id == run.id)
        .options(selectinload(CheckpointRow.values), selectinload(CheckpointRow.details))
    )
    return page_of(request, rows, CheckpointRow.id, lambda found: [_json(row) for row in found])


def _value_row(given: Mapping[str, Any]) -> CheckpointValueRow:
    only_fields(given, "name", "value", "value_stddev")
    name = text("values", given.get("name"), LONGEST_NAME)
    return CheckpointValueRow(
        name=name,
        value=number(name, given.get("value")),
        value_stddev=deviation(name, given.get("value_stddev")),
    )


def _json(checkpoint: CheckpointRow) -> Json:
    return {
        "object": "checkpoint",
        "id": str(checkpoint.id),
        "training_run": str(checkpoint.run_id),
        "values": [run_value_json(row) for row in sorted(checkpoint.values, key=lambda row: row.name)],
        "metadata": metadata_json(checkpoint),
        "created": checkpoint.created,
    }
