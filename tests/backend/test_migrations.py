"""Stores of older releases, and files that are not ours."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sigopt
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from tests.contract.postgres import own_postgres
from tests.fixture_types import Connect, Define

from sigtune.backend.driver import LocalDriver
from sigtune.backend.tables import Base
from sigtune.cli.main import main
from sigtune.errors import UsageError

VERSION_2 = Path(__file__).parent / "stores" / "version_2.sql"
VERSION_2_POSTGRESQL = VERSION_2.with_name("version_2_postgresql.sql")


@pytest.fixture
def old_store(tmp_path: Path) -> Path:
    """A store as the release with version 2 of the tables made it."""
    path = tmp_path / "sigopt.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(VERSION_2.read_text(encoding="utf-8"))
    return path


def test_an_older_store_is_migrated_when_it_is_opened_and_nothing_is_lost(
    old_store: Path, connect: Connect
) -> None:
    connection = connect(f"sqlite:///{old_store}")
    search = connection.experiments(1)
    experiment = search.fetch()
    assert (experiment.name, experiment.project, experiment.observation_budget) == ("search", "digits", 10)
    assert experiment.to_json()["metadata"] == {"commit": "abc", "tries": 3, "final": True}
    assert [parameter.name for parameter in experiment.parameters] == ["kind", "lr", "steps", "width"]
    assert [(metric.name, metric.threshold) for metric in experiment.metrics] == [
        ("accuracy", None),
        ("seconds", 60.0),
    ]
    failed, succeeded = search.observations().fetch().iterate_pages()
    assert failed.failed
    assert (succeeded.values[0].value, succeeded.values[0].value_stddev) == (0.5, 0.1)
    assert succeeded.to_json()["metadata"] == {"job": 1}
    [still_open] = search.suggestions().fetch(state="open").iterate_pages()
    assert still_open.id == "3"
    queued = search.suggestions().create()
    assert (queued.id, queued.assignments["lr"]) == ("4", 0.2)
    assert connection.experiments(2).fetch().state == "deleted"
    search.observations().create(suggestion=succeeded.suggestion, failed=True)  # a second one is new


def test_a_copy_of_the_older_store_is_kept_as_it_was(old_store: Path, connect: Connect) -> None:
    connect(f"sqlite:///{old_store}")
    copy = old_store.with_name("sigopt.db.version-2")
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT version FROM store_version").fetchall() == [(2,)]
        assert database.execute("SELECT count(*) FROM observations").fetchall() == [(3,)]


def test_a_migrated_store_has_the_tables_of_a_new_one(old_store: Path, connect: Connect) -> None:
    connect(f"sqlite:///{old_store}")
    engine = create_engine(f"sqlite:///{old_store}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA integrity_check").all() == [("ok",)]
    engine.dispose()


def test_a_database_on_a_server_is_migrated_when_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with own_postgres() as url:
        engine = create_engine(url)
        with engine.begin() as database:
            database.exec_driver_sql(VERSION_2_POSTGRESQL.read_text(encoding="utf-8"))
        with pytest.raises(UsageError, match="sigtune migrate"):
            LocalDriver(url)
        assert main(["migrate", "--store", url]) == 0
        assert capsys.readouterr().out == "the store is up to date\n"
        driver = LocalDriver(url)
        search = sigopt.Connection(driver=lambda: driver).experiments(1)
        assert search.fetch().to_json()["metadata"] == {"a": "b", "n": 3}
        observed = list(search.observations().fetch().iterate_pages())
        assert [(entry.values[0].value_stddev, entry.metadata["job"]) for entry in observed] == [
            *((0.1, 2), (0.1, 1), (0.1, 0))
        ]
        search.observations().create(assignments={"x": 0.5, "k": "a"}, values=[{"name": "m", "value": 1}])
        driver.close()
        with engine.connect() as opened:
            assert compare_metadata(MigrationContext.configure(opened), Base.metadata) == []
        engine.dispose()


def test_a_store_of_version_3_from_before_it_had_revisions_is_brought_up_to_date_and_copied(
    tmp_path: Path, connect: Connect, define: Define
) -> None:
    path = tmp_path / "sigopt.db"
    connect(f"sqlite:///{path}").experiments().create(**define())
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE experiments DROP COLUMN revision")
    connection = connect(f"sqlite:///{path}")
    assert connection.experiments(1).fetch().name == define()["name"]
    connection.experiments().create(**define())
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as opened:
        assert compare_metadata(MigrationContext.configure(opened), Base.metadata) == []
    engine.dispose()
    assert [file.name for file in tmp_path.glob("*.version-*")] == ["sigopt.db.version-3"]


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    old_store: Path, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    def fails(_connection: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("sigtune.backend.store.migrate", fails)
        with pytest.raises(RuntimeError, match="the disk is full"):
            LocalDriver(f"sqlite:///{old_store}")
    assert connect(f"sqlite:///{old_store}").experiments(1).fetch().name == "search"


def test_a_file_of_another_program_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "browser.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")
        database.commit()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="holds the tables of another program"):
        LocalDriver(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["browser.db"]


def test_a_store_that_is_up_to_date_is_not_copied(tmp_path: Path, connect: Connect, define: Define) -> None:
    for _ in range(2):
        connect(f"sqlite:///{tmp_path / 'sigopt.db'}").experiments().create(**define())
    assert not list(tmp_path.glob("*.version-*"))
