"""Training runs: what was tracked of a model's training, in an AI experiment or on its own."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Table, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sigtune.backend.tables.base import Base, MetadataEntry
from sigtune.backend.tables.observations import SuggestionRow
from sigtune.backend.tables.projects import ProjectRow

run_tags = Table(
    "run_tags",
    Base.metadata,
    Column("run_id", ForeignKey("training_runs.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)


class TagRow(Base):
    """A coloured label that runs can carry."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    color: Mapped[str] = mapped_column(Text)


class RunAssignment(MetadataEntry, Base):
    """A value that a run trained with."""

    __tablename__ = "run_assignments"

    run_id: Mapped[int] = mapped_column(ForeignKey("training_runs.id"), primary_key=True, index=True)


class RunMetadata(MetadataEntry, Base):
    """Metadata of a run."""

    __tablename__ = "run_metadata"

    run_id: Mapped[int] = mapped_column(ForeignKey("training_runs.id"), primary_key=True, index=True)


class RunDevMetadata(MetadataEntry, Base):
    """What the client's own integrations note about a run."""

    __tablename__ = "run_dev_metadata"

    run_id: Mapped[int] = mapped_column(ForeignKey("training_runs.id"), primary_key=True, index=True)


class RunAssignmentMetaRow(Base):
    """Where an assignment of a run came from."""

    __tablename__ = "run_assignments_meta"

    run_id: Mapped[int] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    source: Mapped[str] = mapped_column(Text)


class RunAssignmentSourceRow(Base):
    """How the assignments of one source are shown."""

    __tablename__ = "run_assignments_sources"

    run_id: Mapped[int] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    sort: Mapped[float] = mapped_column(Double)
    default_show: Mapped[bool]


class RunValueRow(Base):
    """A metric's value in a run."""

    __tablename__ = "run_values"

    run_id: Mapped[int] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[float] = mapped_column(Double)
    value_stddev: Mapped[float | None] = mapped_column(Double)


class RunDatasetRow(Base):
    """The name of a data set that a run used."""

    __tablename__ = "run_datasets"

    run_id: Mapped[int] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)


class RunLogRow(Base):
    """What a run wrote to one of its streams."""

    __tablename__ = "run_logs"

    run_id: Mapped[int] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    content: Mapped[str] = mapped_column(Text)


class RunFeatureScoreRow(Base):
    """The importance of one feature of the data, as the trained model has it."""

    __tablename__ = "run_feature_scores"

    run_id: Mapped[int] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    score: Mapped[float] = mapped_column(Double)


class TrainingRunRow(Base):
    """One training. `created` and `completed` count seconds since 1970, `updated` microseconds."""

    __tablename__ = "training_runs"
    __table_args__ = (Index("ix_training_runs_experiment_id", "experiment_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    experiment_id: Mapped[int | None] = mapped_column(ForeignKey("experiments.id"))
    suggestion_id: Mapped[int | None] = mapped_column(ForeignKey("suggestions.id"))
    observation_id: Mapped[int | None] = mapped_column(ForeignKey("observations.id"))
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    deleted: Mapped[bool] = mapped_column(default=False)
    favorite: Mapped[bool] = mapped_column(default=False)
    model_type: Mapped[str | None] = mapped_column(Text)
    source_content: Mapped[str | None] = mapped_column(Text)
    source_hash: Mapped[str | None] = mapped_column(Text)
    feature_importances_type: Mapped[str | None] = mapped_column(Text)
    has_metadata: Mapped[bool] = mapped_column(default=False)
    created: Mapped[int] = mapped_column(BigInteger)
    updated: Mapped[int] = mapped_column(BigInteger)
    completed: Mapped[int | None] = mapped_column(BigInteger)

    project: Mapped[ProjectRow] = relationship()
    suggestion: Mapped[SuggestionRow | None] = relationship()
    assignments: Mapped[list[RunAssignment]] = relationship(cascade="all, delete-orphan")
    details: Mapped[list[RunMetadata]] = relationship(cascade="all, delete-orphan")
    dev_details: Mapped[list[RunDevMetadata]] = relationship(cascade="all, delete-orphan")
    assignments_meta: Mapped[list[RunAssignmentMetaRow]] = relationship(cascade="all, delete-orphan")
    assignments_sources: Mapped[list[RunAssignmentSourceRow]] = relationship(cascade="all, delete-orphan")
    values: Mapped[list[RunValueRow]] = relationship(cascade="all, delete-orphan")
    datasets: Mapped[list[RunDatasetRow]] = relationship(cascade="all, delete-orphan")
    logs: Mapped[list[RunLogRow]] = relationship(cascade="all, delete-orphan")
    feature_scores: Mapped[list[RunFeatureScoreRow]] = relationship(cascade="all, delete-orphan")
    tags: Mapped[list[TagRow]] = relationship(secondary=run_tags, order_by=TagRow.id)


class CheckpointMetadata(MetadataEntry, Base):
    """Metadata of a checkpoint."""

    __tablename__ = "checkpoint_metadata"

    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoints.id"), primary_key=True, index=True)


class CheckpointRow(Base):
    """The metrics of a run at one moment of its training."""

    __tablename__ = "checkpoints"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("training_runs.id"), index=True)
    has_metadata: Mapped[bool] = mapped_column(default=False)
    created: Mapped[int] = mapped_column(BigInteger)

    values: Mapped[list[CheckpointValueRow]] = relationship(
        order_by="CheckpointValueRow.name", cascade="all, delete-orphan"
    )
    details: Mapped[list[CheckpointMetadata]] = relationship(cascade="all, delete-orphan")


class CheckpointValueRow(Base):
    """A metric's value at a checkpoint."""

    __tablename__ = "checkpoint_values"

    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoints.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[float] = mapped_column(Double)
    value_stddev: Mapped[float | None] = mapped_column(Double)
