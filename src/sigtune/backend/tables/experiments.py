"""Experiments as they were defined: parameters, conditionals, linear constraints, metrics, tasks."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sigtune.backend.tables.base import Base, MetadataEntry
from sigtune.backend.tables.projects import ProjectRow


class ExperimentMetadata(MetadataEntry, Base):
    """Metadata of an experiment."""

    __tablename__ = "experiment_metadata"

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), primary_key=True, index=True)


class ExperimentRow(Base):
    """A search. `next_number` is the number of its next suggestion, and never goes back.

    `revision` is another one after each change of its parameters or metrics.

    `runs_only` is set for an AI experiment, whose results come from training runs. `created` counts seconds
    since 1970; `updated` microseconds, so that two updates in a second have an order.
    """

    __tablename__ = "experiments"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text, default="offline", server_default="offline")
    runs_only: Mapped[bool] = mapped_column(default=False, server_default=false())
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"), index=True)
    observation_budget: Mapped[int | None] = mapped_column(BigInteger)
    parallel_bandwidth: Mapped[int | None] = mapped_column(BigInteger)
    num_solutions: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text, default="active")
    has_metadata: Mapped[bool] = mapped_column(default=False, server_default=false())
    next_number: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created: Mapped[int] = mapped_column(BigInteger)
    updated: Mapped[int] = mapped_column(BigInteger)

    project: Mapped[ProjectRow | None] = relationship()
    parameters: Mapped[list[ParameterRow]] = relationship(
        order_by="ParameterRow.position",
        primaryjoin="and_(ExperimentRow.id == ParameterRow.experiment_id, ~ParameterRow.deleted)",
    )
    conditionals: Mapped[list[ConditionalRow]] = relationship(order_by="ConditionalRow.position")
    linear_constraints: Mapped[list[LinearConstraintRow]] = relationship(
        order_by="LinearConstraintRow.position"
    )
    metrics: Mapped[list[MetricRow]] = relationship(order_by="MetricRow.position")
    tasks: Mapped[list[TaskRow]] = relationship(order_by="TaskRow.cost.desc(), TaskRow.name")
    details: Mapped[list[ExperimentMetadata]] = relationship(cascade="all, delete-orphan")


class ParameterRow(Base):
    """A tuned quantity; its default is in the column of its type, its prior in those of its kind.

    One that an update took out of the experiment is `deleted`: older points still refer to it.
    """

    __tablename__ = "parameters"
    __table_args__ = (Index("ix_parameters_experiment_id", "experiment_id"),)

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
    prior: Mapped[str | None] = mapped_column(Text)
    prior_mean: Mapped[float | None] = mapped_column(Double)
    prior_scale: Mapped[float | None] = mapped_column(Double)
    prior_shape_a: Mapped[float | None] = mapped_column(Double)
    prior_shape_b: Mapped[float | None] = mapped_column(Double)
    deleted: Mapped[bool] = mapped_column(default=False, server_default=false())

    grid: Mapped[list[GridValueRow]] = relationship(
        order_by="GridValueRow.position", cascade="all, delete-orphan"
    )
    categories: Mapped[list[CategoricalValueRow]] = relationship(order_by="CategoricalValueRow.enum_index")
    conditions: Mapped[list[ParameterConditionRow]] = relationship(
        order_by="ParameterConditionRow.conditional_id, ParameterConditionRow.position"
    )


class GridValueRow(Base):
    """One step of a parameter's grid."""

    __tablename__ = "grid_values"

    parameter_id: Mapped[int] = mapped_column(ForeignKey("parameters.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[float] = mapped_column(Double)


class CategoricalValueRow(Base):
    """One value of a categorical parameter; `enum_index` counts from 1 and is given out once."""

    __tablename__ = "categorical_values"

    parameter_id: Mapped[int] = mapped_column(ForeignKey("parameters.id"), primary_key=True)
    enum_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    deleted: Mapped[bool] = mapped_column(default=False, server_default=false())


class ConditionalRow(Base):
    """A choice that decides which parameters are active."""

    __tablename__ = "conditionals"
    __table_args__ = (UniqueConstraint("experiment_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)

    values: Mapped[list[ConditionalValueRow]] = relationship(order_by="ConditionalValueRow.position")


class ConditionalValueRow(Base):
    """One value that a conditional can take."""

    __tablename__ = "conditional_values"

    conditional_id: Mapped[int] = mapped_column(ForeignKey("conditionals.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)


class ParameterConditionRow(Base):
    """A value of a conditional with which a parameter is active."""

    __tablename__ = "parameter_conditions"

    parameter_id: Mapped[int] = mapped_column(ForeignKey("parameters.id"), primary_key=True)
    conditional_id: Mapped[int] = mapped_column(ForeignKey("conditionals.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[str] = mapped_column(Text)

    conditional: Mapped[ConditionalRow] = relationship()


class LinearConstraintRow(Base):
    """A weighted sum of parameters that every point keeps below or above a threshold."""

    __tablename__ = "linear_constraints"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"), index=True)
    position: Mapped[int]
    type: Mapped[str] = mapped_column(Text)
    threshold: Mapped[float] = mapped_column(Double)

    terms: Mapped[list[ConstraintTermRow]] = relationship(order_by="ConstraintTermRow.position")


class ConstraintTermRow(Base):
    """A parameter's weight in a linear constraint."""

    __tablename__ = "constraint_terms"

    constraint_id: Mapped[int] = mapped_column(ForeignKey("linear_constraints.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parameter_id: Mapped[int] = mapped_column(ForeignKey("parameters.id"))
    weight: Mapped[float] = mapped_column(Double)

    parameter: Mapped[ParameterRow] = relationship()


class MetricRow(Base):
    """A reported quantity; the only one of an experiment may be unnamed, with an empty name here."""

    __tablename__ = "metrics"
    __table_args__ = (UniqueConstraint("experiment_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    objective: Mapped[str] = mapped_column(Text)
    strategy: Mapped[str] = mapped_column(Text)
    threshold: Mapped[float | None] = mapped_column(Double)


class TaskRow(Base):
    """A way to evaluate a point in a multitask experiment; the full task costs 1."""

    __tablename__ = "tasks"
    __table_args__ = (UniqueConstraint("experiment_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"))
    name: Mapped[str] = mapped_column(Text)
    cost: Mapped[float] = mapped_column(Double)
