"""Projects: named groups of experiments and runs."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sigtune.backend.tables.base import Base, MetadataEntry


class ProjectMetadata(MetadataEntry, Base):
    """Metadata of a project."""

    __tablename__ = "project_metadata"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True, index=True)


class ProjectRow(Base):
    """A named group; `reference` is the id that people type.

    `created` counts seconds since 1970; `updated` microseconds, so that two updates in a second have an
    order.
    """

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    has_metadata: Mapped[bool] = mapped_column(default=False, server_default=false())
    created: Mapped[int] = mapped_column(BigInteger)
    updated: Mapped[int] = mapped_column(BigInteger)

    details: Mapped[list[ProjectMetadata]] = relationship(cascade="all, delete-orphan")
