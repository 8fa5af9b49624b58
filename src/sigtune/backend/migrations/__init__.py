"""Bringing the tables of an older release up to date, by Alembic: a file in versions/ for each version.

A SQLite store is migrated when it is opened, after a copy of it was made beside it. A database on a server is
migrated only when asked for, because no copy of it can be made from here.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, select, update

from sigtune.backend.tables import SCHEMA_VERSION, ExperimentRow, StoreVersion

if TYPE_CHECKING:
    from alembic.config import Config

OLDEST_VERSION = 2
"""The oldest version of the tables that can be brought up to date."""


def is_current(connection: Connection) -> bool:
    """Return whether the tables are those of this release.

    For some hours the tables of version 3 were without the column `revision`, and a store of then says 3 too.
    """
    if connection.scalar(select(StoreVersion.version)) != SCHEMA_VERSION:
        return False
    columns = inspect(connection).get_columns(ExperimentRow.__tablename__)
    return any(column["name"] == "revision" for column in columns)


def migrate(connection: Connection) -> None:
    """Bring the tables up to date within the connection's transaction, with foreign keys not enforced."""
    if connection.scalar(select(StoreVersion.version)) == SCHEMA_VERSION:
        connection.exec_driver_sql("ALTER TABLE experiments ADD COLUMN revision BIGINT DEFAULT '0' NOT NULL")
        return
    from alembic import command  # most stores need none, and it takes a while to load

    config = _config(connection)
    command.stamp(config, str(connection.scalar(select(StoreVersion.version))))
    command.upgrade(config, "head")
    connection.execute(update(StoreVersion).values(version=SCHEMA_VERSION))


def copy_beside(file: Path, version: int) -> Path:
    """Copy a SQLite store to a file beside it that is not there yet, and return that file."""
    copy = file.with_name(f"{file.name}.version-{version}")
    number = 1
    while copy.exists():
        number += 1
        copy = file.with_name(f"{file.name}.version-{version}.{number}")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
