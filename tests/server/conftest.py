"""Servers on real ports of this machine."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from sigopt import Connection

from sigtune.backend.api import Api
from sigtune.backend.routes import find_route
from sigtune.server.background import running_server
from sigtune.server.serve import ServerOptions
from sigtune.server.tokens import create_token


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The requests of a store that a module's tests share."""
    api = Api(f"sqlite:///{tmp_path_factory.mktemp('server') / 'sigopt.db'}")
    yield api
    api.close()


@pytest.fixture(scope="module")
def changes(api: Api) -> Iterator[Callable[[], int]]:
    """Return a function that tells how often the store's file was changed: SQLite counts it."""
    api.answer(find_route("POST", ["clients", "1", "projects"]), "POST", {"id": "any", "name": "any"}, "test")
    with sqlite3.connect(str(api.store.url.database)) as connection:
        yield lambda: int(connection.execute("PRAGMA data_version").fetchone()[0])
    connection.close()


@pytest.fixture(scope="module")
def token(api: Api) -> str:
    """A token of the store."""
    return create_token(api.store, "test")


@pytest.fixture(scope="module")
def url(api: Api) -> Iterator[str]:
    """The address of a server that asks for a token."""
    with running_server(api, ServerOptions(port=0)) as address:
        yield address


@pytest.fixture
def connection(url: str, token: str) -> Iterator[Connection]:
    """The official client, over HTTP."""
    # Its own session drops a connection unclosed that it has not used for half a minute.
    with requests.Session() as session:
        connection = Connection(client_token=token, session=session)
        connection.set_api_url(url)
        yield connection


@pytest.fixture
def experiment_definition() -> dict[str, object]:
    """What an experiment of two numbers is created with."""
    bounds = {"min": 0, "max": 1}
    return {
        "name": "search",
        "parameters": [{"name": name, "type": "double", "bounds": bounds} for name in ("x", "y")],
        "metrics": [{"name": "score", "objective": "maximize"}],
        "observation_budget": 20,
    }


@pytest.fixture
def store_file(tmp_path: Path) -> Path:
    """A place for a store of the test's own."""
    return tmp_path / "sigopt.db"
