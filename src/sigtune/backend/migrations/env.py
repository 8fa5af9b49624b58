"""What Alembic runs: the migrations, on the connection that it was given and in its transaction."""

from __future__ import annotations

from alembic import context

from sigtune.backend.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=False,
)
context.run_migrations()
