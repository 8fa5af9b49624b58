"""What a search says of where it can be watched."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from sigtune.backend.api import Api
from sigtune.dashboard.serve import pages_of_server
from sigtune.search.dashboard_hint import dashboard_hint
from sigtune.server.background import running_server
from sigtune.server.serve import ServerOptions
from sigtune.tuning.block import SearchBlock, read_block
from sigtune.tuning.connection import connect, place_digest
from tests.dashboard.running import running_dashboard


def block(store: str, backend: str = "auto") -> SearchBlock:
    return read_block({"store": store, "backend": backend})


def test_the_command_names_the_store_unless_it_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sigtune.search.dashboard_hint._DEFAULT", "http://127.0.0.1:1")
    assert dashboard_hint(block("sqlite:///sigopt.db"), "7") == "sigtune dashboard"
    other = block("sqlite:///my store.db")
    assert dashboard_hint(other, "7") == "sigtune dashboard '--store=sqlite:///my store.db'"
    monkeypatch.setenv("SIGOPT_STORE", "sqlite:///my store.db")
    assert dashboard_hint(other, "7") == "sigtune dashboard"
    monkeypatch.setenv("SIGOPT_KEY", "secret")
    told = dashboard_hint(block("postgresql+psycopg://me:hunter2@host/db", "local"), "7")
    assert told == "SIGOPT_STORE='postgresql+psycopg://me:***@host/db' sigtune dashboard --backend=local"


def test_a_dashboard_that_runs_over_the_store_is_named_by_its_address(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = connect("local", store).impl.driver
    with closing(driver), running_dashboard(lambda _token: driver, place=place_digest("local", store)) as url:
        monkeypatch.setattr("sigtune.search.dashboard_hint._DEFAULT", url)
        assert dashboard_hint(block(store), "7") == f"{url}/experiments/7"
        monkeypatch.chdir(tmp_path)
        relative = block(f"sqlite:///{store.rpartition('/')[2]}")
        assert dashboard_hint(relative, "7") == f"{url}/experiments/7"
        other = f"sqlite:///{tmp_path / 'other.db'}"
        assert dashboard_hint(block(other), "7") == f"sigtune dashboard --store={other}"


def test_a_server_that_has_the_pages_is_named_by_its_address(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sigtune.search.dashboard_hint._DEFAULT", "http://127.0.0.1:1")
    monkeypatch.setenv("SIGOPT_KEY", "any")
    with closing(Api(store)) as api:
        with running_server(api, ServerOptions(port=0, no_auth=True), pages_of_server) as url:
            monkeypatch.setenv("SIGOPT_API_URL", url)
            assert dashboard_hint(block(store), "7") == f"{url}/experiments/7"
        with running_server(api, ServerOptions(port=0, no_auth=True)) as url:
            monkeypatch.setenv("SIGOPT_API_URL", url)
            assert dashboard_hint(block(store), "7") == "sigtune dashboard"
