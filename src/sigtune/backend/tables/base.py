"""What every table is built on: the root, the store's version, and entries of metadata."""

from __future__ import annotations

from sqlalchemy import Double, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA_VERSION = 3


class Base(DeclarativeBase):
    """The root of every table."""


class StoreVersion(Base):
    """One row: the version of these tables, so that another release can tell what it opens."""

    __tablename__ = "store_version"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class MetadataEntry:
    """A key and a string or number; `kind` (text, int or float) says which column holds it, and how.

    Stores of version 2 may hold the kinds bool and null too.
    """

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    number: Mapped[float | None] = mapped_column(Double)
