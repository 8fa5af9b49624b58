"""The tables of the store: everything that is asked of the backend can be queried, nothing is an opaque blob.

Portable SQL only: SQLite by default, PostgreSQL by URL.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SCHEMA_VERSION = 2


class Base(DeclarativeBase):
    """The root of every table."""


class StoreVersion(Base):
    """One row: the version of these tables, so that a later release can tell what it opens."""

    __tablename__ = "store_version"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class MetadataEntry:
    """A key and a scalar; `kind` (text, int, float, bool or null) says which column holds it, and how."""

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    number: Mapped[float | None] = mapped_column(Double)


class ProjectMetadata(MetadataEntry, Base):
    """Metadata of a project."""

    __tablename__ = "project_metadata"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True, index=True)


class ExperimentMetadata(MetadataEntry, Base):
    """Metadata of an experiment."""

    __tablename__ = "experiment_metadata"

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), primary_key=True, index=True)


class SuggestionMetadata(MetadataEntry, Base):
    """Metadata of a suggestion."""

    __tablename__ = "suggestion_metadata"

    suggestion_id: Mapped[int] = mapped_column(ForeignKey("suggestions.id"), primary_key=True, index=True)


class ObservationMetadata(MetadataEntry, Base):
    """Metadata of an observation."""

    __tablename__ = "observation_metadata"

    observation_id: Mapped[int] = mapped_column(ForeignKey("observations.id"), primary_key=True, index=True)


class ProjectRow(Base):
    """A named group of experiments; `reference` is the id that people type."""

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    created: Mapped[int] = mapped_column(BigInteger)
    updated: Mapped[int] = mapped_column(BigInteger)

    details: Mapped[list[ProjectMetadata]] = relationship(cascade="all, delete-orphan")


class ExperimentRow(Base):
    """A search. `next_number` is the number of its next suggestion, and never goes back."""

    __tablename__ = "experiments"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"), index=True)
    observation_budget: Mapped[int | None] = mapped_column(BigInteger)
    parallel_bandwidth: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text, default="active")
    next_number: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(BigInteger)
    updated: Mapped[int] = mapped_column(BigInteger)

    project: Mapped[ProjectRow | None] = relationship()
    parameters: Mapped[list[ParameterRow]] = relationship(order_by="ParameterRow.position")
    metrics: Mapped[list[MetricRow]] = relationship(order_by="MetricRow.position")
    details: Mapped[list[ExperimentMetadata]] = relationship(cascade="all, delete-orphan")


class ParameterRow(Base):
    """A tuned quantity; its default is in the column of its type."""

    __tablename__ = "parameters"
    __table_args__ = (UniqueConstraint("experiment_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    minimum: Mapped[float | None] = mapped_column(Double)
    maximum: Mapped[float | None] = mapped_column(Double)
    transformation: Mapped[str | None] = mapped_column(Text)
    default_number: Mapped[float | None] = mapped_column(Double)
    default_category: Mapped[str | None] = mapped_column(Text)

    grid: Mapped[list[GridValueRow]] = relationship(order_by="GridValueRow.position")
    categories: Mapped[list[CategoricalValueRow]] = relationship(order_by="CategoricalValueRow.enum_index")


class GridValueRow(Base):
    """One step of a parameter's grid."""

    __tablename__ = "grid_values"

    parameter_id: Mapped[int] = mapped_column(ForeignKey("parameters.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[float] = mapped_column(Double)


class CategoricalValueRow(Base):
    """One value of a categorical parameter; `enum_index` counts from 1."""

    __tablename__ = "categorical_values"

    parameter_id: Mapped[int] = mapped_column(ForeignKey("parameters.id"), primary_key=True)
    enum_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)


class MetricRow(Base):
    """A reported quantity."""

    __tablename__ = "metrics"
    __table_args__ = (UniqueConstraint("experiment_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    objective: Mapped[str] = mapped_column(Text)
    strategy: Mapped[str] = mapped_column(Text)
    threshold: Mapped[float | None] = mapped_column(Double)


class PointRow(Base):
    """A point of an experiment's space; a suggestion and its observation share one."""

    __tablename__ = "points"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), index=True)

    assignments: Mapped[list[AssignmentRow]] = relationship(cascade="all, delete-orphan")


class AssignmentRow(Base):
    """A parameter's value at a point, in the column of its type."""

    __tablename__ = "assignments"

    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"), primary_key=True)
    parameter_id: Mapped[int] = mapped_column(ForeignKey("parameters.id"), primary_key=True)
    number: Mapped[float | None] = mapped_column(Double)
    category: Mapped[str | None] = mapped_column(Text)


class SuggestionRow(Base):
    """A point to try. It is open until an observation refers to it, deleted or not."""

    __tablename__ = "suggestions"
    # SQLite would give the id of a deleted suggestion to the next one, and a late report would land there.
    __table_args__ = (UniqueConstraint("experiment_id", "number"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"))
    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"))
    number: Mapped[int]
    created: Mapped[int] = mapped_column(BigInteger)

    point: Mapped[PointRow] = relationship()
    observation: Mapped[ObservationRow | None] = relationship(back_populates="suggestion")
    details: Mapped[list[SuggestionMetadata]] = relationship(cascade="all, delete-orphan")


class QueuedSuggestionRow(Base):
    """A point that is drawn before those of the optimiser."""

    __tablename__ = "queued_suggestions"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), index=True)
    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"))
    created: Mapped[int] = mapped_column(BigInteger)

    point: Mapped[PointRow] = relationship()


class ObservationRow(Base):
    """What was reported at a point. The unique suggestion_id is what counts no result twice."""

    __tablename__ = "observations"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), index=True)
    suggestion_id: Mapped[int | None] = mapped_column(ForeignKey("suggestions.id"), unique=True)
    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"))
    failed: Mapped[bool] = mapped_column(default=False)
    deleted: Mapped[bool] = mapped_column(default=False)
    created: Mapped[int] = mapped_column(BigInteger)

    point: Mapped[PointRow] = relationship()
    suggestion: Mapped[SuggestionRow | None] = relationship(back_populates="observation")
    values: Mapped[list[MetricValueRow]] = relationship(cascade="all, delete-orphan")
    details: Mapped[list[ObservationMetadata]] = relationship(cascade="all, delete-orphan")


class MetricValueRow(Base):
    """A metric's value in an observation."""

    __tablename__ = "metric_values"

    observation_id: Mapped[int] = mapped_column(ForeignKey("observations.id"), primary_key=True)
    metric_id: Mapped[int] = mapped_column(ForeignKey("metrics.id"), primary_key=True)
    value: Mapped[float] = mapped_column(Double)
    value_stddev: Mapped[float | None] = mapped_column(Double)
