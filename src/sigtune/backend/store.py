"""The database that holds the experiments: opening it, and transactions on it.

Any number of threads and processes can share one store. A writing transaction excludes every other writer of
a SQLite store from its first statement on; on a server the lookups lock the experiment's row.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, insert, inspect, make_url, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
)
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from sigtune.backend.migrations import OLDEST_VERSION, copy_beside, is_current, migrate
from sigtune.backend.tables import SCHEMA_VERSION, Base, StoreVersion
from sigtune.errors import Problem, UsageError

BUSY_TIMEOUT_SECONDS = 60
"""How long a process waits for the others' writing transactions, each of which takes well under a second."""

SAVES_WHAT_CAN_BE_READ = "go on with a copy, or with what `sqlite3 FILE .recover` can read"
"""What to do with a SQLite file that is damaged."""

_EXAMPLE = "sqlite:///sigopt.db"

# As many connections as threads ask at once; those above five are closed after use.
_POOL = {"pool_size": 5, "max_overflow": 295}


class Store:
    """The experiments of one database, given by its SQLAlchemy URL.

    Opening it makes the tables if need be; but a SQLite file that does not exist is made by the first
    writing, and read as empty until then. Raises UsageError, with the key `sigopt.store`, when the database
    cannot be opened and written, or its file was deleted; one in its place is opened in its stead.
    """

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self._engine = _engine(self.url)
        self._opening = threading.Lock()
        # SQLite has one writer at a time. Threads of this process take turns here, which costs less than its
        # own way of waiting, to try again after a while.
        self._writer = threading.Lock() if self.url.get_backend_name() == "sqlite" else nullcontext()
        self._is_open = False
        self._opened_file: tuple[int, int] | None = None
        # What was read of this store and holds as long as its revision: for sessions to find again.
        self._kept: dict[str, Any] = {}
        # Closes the connections of a store that nobody closed.
        self._close = weakref.finalize(self, self._engine.dispose)
        if _file_to_make(self.url) is None:
            self._open()

    def reading(self) -> AbstractContextManager[Session]:
        """Return a session whose queries all see the store at one instant."""
        self._follow_file()
        if not self._is_open and _file_to_make(self.url) is not None:
            return _transaction(_empty_store())
        self._open()
        return _transaction(self._engine, self._kept)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Enter a session that is committed at the end, or rolled back by an exception."""
        self._follow_file()
        self._open()
        with self._writer, _transaction(_for_writing(self._engine), self._kept) as session:
            yield session

    @property
    def engine(self) -> Engine:
        """What reaches the database."""
        return self._engine

    def close(self) -> None:
        """Close every connection."""
        self._close()

    def _open(self) -> None:
        with self._opening:
            if self._is_open:
                return
            try:
                _open(self._engine)
            except DatabaseError as error:
                self.close()
                raise _unopened(self.url, error) from error
            except UsageError:
                self.close()
                raise
            self._opened_file = _identity(self.url)
            self._is_open = True

    def _follow_file(self) -> None:
        """Leave a SQLite file that is no longer at its place: open connections would go on in it unseen."""
        if not self._is_open or self._opened_file == (identity := _identity(self.url)):
            return
        if identity is None:
            raise _unusable(f"{self.url.database} is not there any more", "put it back, or start anew")
        with self._opening:
            self._is_open = False
            self._kept.clear()
            self._engine.dispose()


def _parse(url: str) -> URL:
    # The URL itself is in no message: it may hold a password.
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, ValueError) as error:
        if isinstance(error, NoSuchModuleError):
            raise _unusable(f"no support for a database of type {parsed.drivername}", _EXAMPLE) from error
        raise _unusable("is not a database URL", _EXAMPLE) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise _unusable("names no file: a store in memory would be lost with the process", _EXAMPLE)
    return _absolute(parsed)


def _absolute(url: URL) -> URL:
    # Connections are opened as they are needed, and by then the process may work in another folder.
    if url.get_backend_name() != "sqlite" or url.database is None or url.database.startswith("file:"):
        return url
    return url.set(database=str(Path(url.database).absolute()))


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _unusable(what: str, remedy: str) -> UsageError:
    return UsageError([Problem("sigopt.store", what, remedy)])


def is_damage(error: DBAPIError) -> bool:
    """Return whether SQLite says that the contents of its file are damaged."""
    return "malformed" in str(error.orig)


def _unopened(url: URL, error: DatabaseError) -> UsageError:
    """Return the error for a database that did not open, with what is wrong with its file."""
    if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:"):
        file = Path(url.database)
        if file.is_dir():
            return _unusable(f"{file} is a folder, and a store is a file", f"sqlite:///{file / 'sigopt.db'}")
        if not file.parent.is_dir():
            return _unusable(f"the folder {file.parent} does not exist", "a folder that exists")
        if "not a database" in str(error.orig):
            return _unusable(f"{file} is not a database of SQLite", "another file")
        if is_damage(error):
            return _unusable(f"{file} is damaged: {error.orig}", SAVES_WHAT_CAN_BE_READ)
        if "is full" in str(error.orig):
            return _unusable(f"{file} is on a disk that is full", "free some space, or another file")
    if url.get_backend_name() == "sqlite":
        what = f"{_shown(url)} cannot be opened for writing: {error.orig}"
        return _unusable(what, "a folder that exists and can be written to")
    said = " ".join(str(error.orig).split())  # libpq says it in several lines
    remedy = "a server that runs, with that database (createdb) and a user who may create tables in it"
    return _unusable(f"{_shown(url)} cannot be opened: {said}", remedy)


def _file_to_make(url: URL) -> Path | None:
    """Return the file of a SQLite store where it can be made; None where it is there, or cannot be made."""
    if url.get_backend_name() != "sqlite" or url.database is None or url.database.startswith("file:"):
        return None
    file = Path(url.database)
    return None if file.exists() or not os.access(file.parent, os.W_OK) else file


def _identity(url: URL) -> tuple[int, int] | None:
    """Return what no other file has while this one is there; None where there is none."""
    if url.get_backend_name() != "sqlite" or url.database is None or url.database.startswith("file:"):
        return None
    try:
        status = Path(url.database).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@cache
def _empty_store() -> Engine:
    # Any thread may read it; nobody writes it.
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine, checkfirst=False)
    return engine


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return create_engine(url, isolation_level="REPEATABLE READ", pool_pre_ping=True, **_POOL)
        except ModuleNotFoundError as error:
            raise _unusable(f"needs the Python package {error.name}", "install sigtune[postgres]") from error
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, **_POOL)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _for_writing(engine: Engine) -> Engine:
    if engine.dialect.name == "sqlite":
        return engine.execution_options(begin="BEGIN IMMEDIATE")
    # After waiting for the lock on an experiment's row a writer must see what the one before it committed.
    return engine.execution_options(isolation_level="READ COMMITTED")


@contextmanager
def _transaction(engine: Engine, kept: dict[str, Any] | None = None) -> Iterator[Session]:
    with Session(engine, info={"kept": kept}) as session, session.begin():
        yield session


def _leave_transactions_to_us(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # Python's sqlite3 would begin transactions itself, and late; _begin_sqlite does it instead.
    connection.isolation_level = None


def _configure_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    _leave_transactions_to_us(connection, record)
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    # With the write-ahead log a killed process loses nothing; a power failure may take the last seconds, but
    # never leaves a half transaction. To wait for the disk at each commit would cost ten times as much.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads and then writes cannot wait for another writer (its view would be out of date),
    # so one that will write says so at its beginning.
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _open(engine: Engine) -> None:
    _check_owner(engine)
    if engine.dialect.name == "sqlite":
        _use_write_ahead_log(engine)
    try:
        _make_tables(engine)
    except (IntegrityError, ProgrammingError):
        # On a server, another process was making the same tables at the same instant; now they are there.
        _make_tables(engine)
    with engine.connect() as connection:
        version = connection.scalar(select(StoreVersion.version)) or 0
        is_ours = is_current(connection)
    if is_ours:
        return
    if OLDEST_VERSION <= version <= SCHEMA_VERSION and engine.dialect.name == "sqlite":
        migrate_store(engine.url)
    elif OLDEST_VERSION <= version <= SCHEMA_VERSION:
        what = f"{_shown(engine.url)} has older tables, of version {version}"
        raise _unusable(what, "back the database up, then: sigtune migrate")
    else:
        what = (
            f"{_shown(engine.url)} has tables of version {version}, and this release knows {SCHEMA_VERSION}"
        )
        raise _unusable(what, "another file, or the release that made it")


def migrate_store(url: URL) -> Path | None:
    """Bring the tables of an older release up to date, and return the copy that was made of a SQLite store.

    Nothing is done, and None returned, where they are up to date already.
    """
    # An engine of its own: tables that others refer to are made anew, which enforced foreign keys forbid.
    engine = create_engine(url)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin_sqlite)
    copy = None
    try:
        with _for_writing(engine).begin() as connection:
            version = connection.scalar(select(StoreVersion.version)) or 0
            if version > SCHEMA_VERSION or is_current(connection):
                return None
            if url.get_backend_name() == "sqlite" and url.database is not None:
                copy = copy_beside(Path(url.database), version)
            migrate(connection)
    finally:
        engine.dispose()
    return copy


def _check_owner(engine: Engine) -> None:
    """Raise UsageError for a SQLite file of another program, before anything of it is changed."""
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
    if tables and StoreVersion.__tablename__ not in tables:
        raise _unusable(f"{_shown(engine.url)} holds the tables of another program", "another file")


def _use_write_ahead_log(engine: Engine) -> None:
    """Let readers go on while one process writes. The file remembers it, so it is changed once."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    try:
        with closing(engine.raw_connection()) as raw:
            cursor = raw.cursor()
            # A file system that cannot do it answers with another mode, which is slower and as safe.
            while not _try_write_ahead_log(cursor):
                if time.monotonic() > deadline:
                    raise sqlite3.OperationalError("database is locked")
                time.sleep(0.01)
    except sqlite3.DatabaseError as error:
        raise DatabaseError("PRAGMA journal_mode", None, error) from error


def _try_write_ahead_log(cursor: DBAPICursor) -> bool:
    cursor.execute("PRAGMA journal_mode")
    mode = cursor.fetchall()[0][0]
    try:
        if mode != "wal":
            cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # SQLite does not wait for a lock here: two processes that change the mode would wait for each other.
        if "locked" not in str(error):
            raise
        return False
    return True


def _make_tables(engine: Engine) -> None:
    with _for_writing(engine).begin() as connection:
        if engine.dialect.has_table(connection, StoreVersion.__tablename__):
            # Changes nothing, and fails now rather than in the middle of a search if nothing can be written.
            connection.execute(update(StoreVersion).values(version=StoreVersion.version))
            return
        Base.metadata.create_all(connection, checkfirst=False)  # all are made in one transaction, or none
        connection.execute(insert(StoreVersion).values(version=SCHEMA_VERSION))
