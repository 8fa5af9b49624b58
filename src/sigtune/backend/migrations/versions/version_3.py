"""SigOpt's whole definition, several observations of a suggestion, training runs, tags and tokens."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"

_UNIQUE_NAMES = {"uq": "uq_%(table_name)s_%(column_0_name)s"}


def upgrade() -> None:
    """Change what is there, add what is new, and fill the new columns."""
    _add_definition_tables()
    _change_definition_tables()
    _change_observation_tables()
    _add_training_runs()
    _add_run_parts()
    _add_tokens()
    _fill()


def _id(name: str, target: str, *, key: bool = False, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(target), primary_key=key, nullable=nullable)


def _position() -> sa.Column[int]:
    return sa.Column("position", sa.Integer, primary_key=True, autoincrement=False)


def _text(name: str, *, key: bool = False, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _whole(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _new_flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _own_id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def _add_definition_tables() -> None:
    op.create_table(
        "conditionals",
        _own_id(),
        _id("experiment_id", "experiments.id"),
        sa.Column("position", sa.Integer, nullable=False),
        _text("name"),
        sa.UniqueConstraint("experiment_id", "name"),
    )
    op.create_table(
        "conditional_values", _id("conditional_id", "conditionals.id", key=True), _position(), _text("name")
    )
    op.create_table(
        "parameter_conditions",
        _id("parameter_id", "parameters.id", key=True),
        _id("conditional_id", "conditionals.id", key=True),
        _position(),
        _text("value"),
    )
    op.create_table(
        "linear_constraints",
        _own_id(),
        _id("experiment_id", "experiments.id"),
        sa.Column("position", sa.Integer, nullable=False),
        _text("type"),
        _number("threshold"),
    )
    op.create_index("ix_linear_constraints_experiment_id", "linear_constraints", ["experiment_id"])
    op.create_table(
        "constraint_terms",
        _id("constraint_id", "linear_constraints.id", key=True),
        _position(),
        _id("parameter_id", "parameters.id"),
        _number("weight"),
    )
    op.create_table(
        "tasks",
        _own_id(),
        _id("experiment_id", "experiments.id"),
        _text("name"),
        _number("cost"),
        sa.UniqueConstraint("experiment_id", "name"),
    )


def _change_definition_tables() -> None:
    op.add_column("projects", _new_flag("has_metadata"))
    op.add_column("experiments", sa.Column("type", sa.Text, nullable=False, server_default="offline"))
    op.add_column("experiments", _new_flag("runs_only"))
    op.add_column("experiments", _whole("num_solutions", nullable=True))
    revision_number = sa.Column("revision", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("experiments", revision_number)
    op.add_column("experiments", _new_flag("has_metadata"))
    op.add_column("categorical_values", _new_flag("deleted"))
    op.add_column("parameters", _text("prior", nullable=True))
    for field in ("mean", "scale", "shape_a", "shape_b"):
        op.add_column("parameters", _number(f"prior_{field}", nullable=True))
    op.add_column("parameters", _new_flag("deleted"))
    # A parameter that is taken out keeps its row, and one of the same name may come.
    _drop_unique("parameters", ("experiment_id", "name"))
    op.create_index("ix_parameters_experiment_id", "parameters", ["experiment_id"])


def _change_observation_tables() -> None:
    with op.batch_alter_table("points") as points:
        points.add_column(sa.Column("task_id", sa.Integer, nullable=True))
        points.create_foreign_key("fk_points_task_id", "tasks", ["task_id"], ["id"])
    op.create_table(
        "conditional_assignments",
        _id("point_id", "points.id", key=True),
        _id("conditional_id", "conditionals.id", key=True),
        _text("value"),
    )
    for name in ("computed", "deleted", "has_metadata"):
        op.add_column("suggestions", _new_flag(name))
    op.add_column("observations", _new_flag("has_metadata"))
    _drop_unique("observations", ("suggestion_id",))
    op.create_index("ix_observations_suggestion_id", "observations", ["suggestion_id"])


def _drop_unique(table: str, columns: Sequence[str]) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(f"{table}_{'_'.join(columns)}_key", table, type_="unique")
        return
    # SQLite's constraints have no names: the table is made anew, with names by which to drop them.
    with op.batch_alter_table(table, naming_convention=_UNIQUE_NAMES) as batch:
        batch.drop_constraint(f"uq_{table}_{columns[0]}", type_="unique")


def _add_training_runs() -> None:
    op.create_table(
        "training_runs",
        _own_id(),
        _id("project_id", "projects.id"),
        _id("experiment_id", "experiments.id", nullable=True),
        _id("suggestion_id", "suggestions.id", nullable=True),
        _id("observation_id", "observations.id", nullable=True),
        _text("name"),
        _text("state"),
        _flag("deleted"),
        _flag("favorite"),
        *(_text(f"{name}", nullable=True) for name in ("model_type", "source_content", "source_hash")),
        _text("feature_importances_type", nullable=True),
        _flag("has_metadata"),
        _whole("created"),
        _whole("updated"),
        _whole("completed", nullable=True),
    )
    op.create_index("ix_training_runs_experiment_id", "training_runs", ["experiment_id"])
    op.create_index("ix_training_runs_project_id", "training_runs", ["project_id"])
    op.create_table(
        "checkpoints",
        _own_id(),
        _id("run_id", "training_runs.id"),
        _flag("has_metadata"),
        _whole("created"),
    )
    op.create_index("ix_checkpoints_run_id", "checkpoints", ["run_id"])
    op.create_table("tags", _own_id(), _text("name"), _text("color"), sa.UniqueConstraint("name"))
    op.create_table(
        "run_tags", _id("run_id", "training_runs.id", key=True), _id("tag_id", "tags.id", key=True)
    )


def _add_run_parts() -> None:
    for name in ("run_assignments", "run_metadata", "run_dev_metadata"):
        _add_entries(name, "run_id", "training_runs.id")
    _add_entries("checkpoint_metadata", "checkpoint_id", "checkpoints.id")
    _add_named("run_assignments_meta", _text("source"))
    _add_named("run_assignments_sources", _number("sort"), _flag("default_show"))
    _add_named("run_values", _number("value"), _number("value_stddev", nullable=True))
    _add_named("run_datasets")
    _add_named("run_logs", _text("content"))
    _add_named("run_feature_scores", _number("score"))
    op.create_table(
        "checkpoint_values",
        _id("checkpoint_id", "checkpoints.id", key=True),
        _text("name", key=True),
        _number("value"),
        _number("value_stddev", nullable=True),
    )


def _add_entries(table: str, owner: str, target: str) -> None:
    """Add a table of metadata: strings and numbers by key."""
    columns = (_text("key", key=True), _text("kind"), _text("text", nullable=True))
    op.create_table(table, _id(owner, target, key=True), *columns, _number("number", nullable=True))
    op.create_index(f"ix_{table}_{owner}", table, [owner])


def _add_named(table: str, *columns: sa.Column[str] | sa.Column[float] | sa.Column[bool]) -> None:
    """Add a table of what a run holds by name."""
    op.create_table(table, _id("run_id", "training_runs.id", key=True), _text("name", key=True), *columns)


def _add_tokens() -> None:
    op.create_table(
        "tokens",
        _own_id(),
        _text("digest"),
        _text("name"),
        _id("experiment_id", "experiments.id", nullable=True),
        _whole("created"),
        _whole("expires", nullable=True),
        _whole("revoked", nullable=True),
        sa.UniqueConstraint("digest"),
    )


def _fill() -> None:
    for table, owner in (
        ("projects", "project"),
        ("experiments", "experiment"),
        ("suggestions", "suggestion"),
        ("observations", "observation"),
    ):
        # SigOpt drops entries that are null, which version 2 kept.
        op.execute(f"DELETE FROM {owner}_metadata WHERE kind = 'null'")  # noqa: S608
        op.execute(
            f"UPDATE {table} SET has_metadata = true WHERE EXISTS"  # noqa: S608
            f" (SELECT 1 FROM {owner}_metadata WHERE {owner}_id = {table}.id)"
        )
    op.execute("UPDATE suggestions SET computed = true")
    for table in ("projects", "experiments"):
        op.execute(f"UPDATE {table} SET updated = updated * 1000000")  # noqa: S608
