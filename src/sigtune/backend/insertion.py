"""New observations in plain INSERT statements: no call is made as often as a report.

The object mapper would plan the same statements anew for each report, which takes longer than running them.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Insert, Table, bindparam, insert, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from sigtune.backend.tables import (
    AssignmentRow,
    Base,
    ConditionalAssignmentRow,
    ExperimentRow,
    MetricValueRow,
    ObservationMetadata,
    ObservationRow,
    PointRow,
)

_INSERTS: dict[type[Base], Insert] = {
    kind: insert(cast(Table, kind.__table__))
    for kind in (
        *(PointRow, AssignmentRow, ConditionalAssignmentRow),
        *(ObservationRow, MetricValueRow, ObservationMetadata),
    )
}
_TOUCH = (
    update(cast(Table, ExperimentRow.__table__))
    .where(ExperimentRow.id == bindparam("touched"))
    .values(updated=bindparam("moment"))
)


def insert_observation(session: Session, observation: ObservationRow, moment: int) -> None:
    """Write an observation that is in no session, with its point where that is new; give both their ids.

    `moment`, in microseconds, becomes the time of the experiment's last update.
    """
    connection = session.connection()
    point = observation.point
    if point.id is None:
        _insert_point(connection, point)
    observation.point_id = point.id
    observation.id = _insert(
        connection,
        ObservationRow,
        experiment_id=observation.experiment_id,
        suggestion_id=observation.suggestion_id,
        point_id=point.id,
        failed=observation.failed,
        deleted=False,
        has_metadata=observation.has_metadata,
        created=observation.created,
    )
    _insert_all(
        connection,
        MetricValueRow,
        [
            {
                "observation_id": observation.id,
                "metric_id": row.metric_id,
                "value": row.value,
                "value_stddev": row.value_stddev,
            }
            for row in observation.values
        ],
    )
    _insert_all(
        connection,
        ObservationMetadata,
        [
            {
                "observation_id": observation.id,
                "key": row.key,
                "kind": row.kind,
                "text": row.text,
                "number": row.number,
            }
            for row in observation.details
        ],
    )
    connection.execute(_TOUCH, {"touched": observation.experiment_id, "moment": moment})


def _insert_point(connection: Connection, point: PointRow) -> None:
    point.id = _insert(connection, PointRow, experiment_id=point.experiment_id, task_id=point.task_id)
    _insert_all(
        connection,
        AssignmentRow,
        [
            {
                "point_id": point.id,
                "parameter_id": row.parameter_id,
                "number": row.number,
                "category": row.category,
            }
            for row in point.assignments
        ],
    )
    _insert_all(
        connection,
        ConditionalAssignmentRow,
        [
            {"point_id": point.id, "conditional_id": row.conditional_id, "value": row.value}
            for row in point.conditionals
        ],
    )


def _insert(connection: Connection, kind: type[Base], **columns: Any) -> int:
    key = connection.execute(_INSERTS[kind], columns).inserted_primary_key
    assert key is not None
    return int(key[0])


def _insert_all(connection: Connection, kind: type[Base], rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(_INSERTS[kind], rows)
