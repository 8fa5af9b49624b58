"""The tables as the releases before Alembic made them."""

from __future__ import annotations

revision = "2"
down_revision = None


def upgrade() -> None:
    """Nothing: stores of this version were made without migrations."""
