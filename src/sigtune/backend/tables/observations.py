"""Points of an experiment's space, what was suggested at them and what was observed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, ForeignKey, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sigtune.backend.tables.base import Base, MetadataEntry
from sigtune.backend.tables.experiments import TaskRow


class SuggestionMetadata(MetadataEntry, Base):
    """Metadata of a suggestion."""

    __tablename__ = "suggestion_metadata"

    suggestion_id: Mapped[int] = mapped_column(ForeignKey("suggestions.id"), primary_key=True, index=True)


class ObservationMetadata(MetadataEntry, Base):
    """Metadata of an observation."""

    __tablename__ = "observation_metadata"

    observation_id: Mapped[int] = mapped_column(ForeignKey("observations.id"), primary_key=True, index=True)


class PointRow(Base):
    """A point of an experiment's space, with its task; a suggestion and its observations share one."""

    __tablename__ = "points"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"))

    task: Mapped[TaskRow | None] = relationship()
    assignments: Mapped[list[AssignmentRow]] = relationship(cascade="all, delete-orphan")
    conditionals: Mapped[list[ConditionalAssignmentRow]] = relationship(cascade="all, delete-orphan")


class AssignmentRow(Base):
    """A parameter's value at a point, in the column of its type."""

    __tablename__ = "assignments"

    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"), primary_key=True)
    parameter_id: Mapped[int] = mapped_column(ForeignKey("parameters.id"), primary_key=True)
    number: Mapped[float | None] = mapped_column(Double)
    category: Mapped[str | None] = mapped_column(Text)


class ConditionalAssignmentRow(Base):
    """A conditional's value at a point."""

    __tablename__ = "conditional_assignments"

    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"), primary_key=True)
    conditional_id: Mapped[int] = mapped_column(ForeignKey("conditionals.id"), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class SuggestionRow(Base):
    """A point to try. It is open until an observation refers to it.

    `computed` is set where the optimizer chose the point, rather than a person.
    """

    __tablename__ = "suggestions"
    # SQLite would give the id of a deleted row to the next one, and a late report would land there.
    __table_args__ = (UniqueConstraint("experiment_id", "number"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"))
    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"))
    number: Mapped[int]
    computed: Mapped[bool] = mapped_column(default=False, server_default=false())
    deleted: Mapped[bool] = mapped_column(default=False, server_default=false())
    has_metadata: Mapped[bool] = mapped_column(default=False, server_default=false())
    created: Mapped[int] = mapped_column(BigInteger)

    point: Mapped[PointRow] = relationship()
    details: Mapped[list[SuggestionMetadata]] = relationship(cascade="all, delete-orphan")


class QueuedSuggestionRow(Base):
    """A point that is served before those of the optimizer."""

    __tablename__ = "queued_suggestions"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), index=True)
    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"))
    created: Mapped[int] = mapped_column(BigInteger)

    point: Mapped[PointRow] = relationship()


class ObservationRow(Base):
    """What was reported at a point, of a suggestion or of anybody's choice."""

    __tablename__ = "observations"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), index=True)
    suggestion_id: Mapped[int | None] = mapped_column(ForeignKey("suggestions.id"), index=True)
    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"))
    failed: Mapped[bool] = mapped_column(default=False)
    deleted: Mapped[bool] = mapped_column(default=False)
    has_metadata: Mapped[bool] = mapped_column(default=False, server_default=false())
    created: Mapped[int] = mapped_column(BigInteger)

    point: Mapped[PointRow] = relationship()
    values: Mapped[list[MetricValueRow]] = relationship(cascade="all, delete-orphan")
    details: Mapped[list[ObservationMetadata]] = relationship(cascade="all, delete-orphan")


class MetricValueRow(Base):
    """A metric's value in an observation."""

    __tablename__ = "metric_values"

    observation_id: Mapped[int] = mapped_column(ForeignKey("observations.id"), primary_key=True)
    metric_id: Mapped[int] = mapped_column(ForeignKey("metrics.id"), primary_key=True)
    value: Mapped[float] = mapped_column(Double)
    value_stddev: Mapped[float | None] = mapped_column(Double)
