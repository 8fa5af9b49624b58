"""What a search says of where it can be watched."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sigtune.backend.api import Api
from sigtune.cli import main
from sigtune.dashboard.serve import pages_of_server
from sigtune.running_dashboards import address_over, announced
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


def test_a_dashboard_on_any_port_is_found_as_long_as_its_process_lives(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    command = [sys.executable, "-m", "sigtune.cli.main", "dashboard", "--store", store, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[1]
            assert dashboard_hint(block(store), "7") == f"{url}/experiments/7"
            other = f"sqlite:///{tmp_path / 'other.db'}"
            assert dashboard_hint(block(other), "7") == f"sigtune dashboard --store={other}"
        finally:
            process.kill()
    left = list((tmp_path / "state").rglob("*.json"))
    assert len(left) == 1
    with announced("http://127.0.0.1:1", "elsewhere"):
        assert not left[0].exists()
    assert dashboard_hint(block(store), "7") == f"sigtune dashboard --store={store}"
    assert [path for path in (tmp_path / "state").rglob("*") if path.is_file()] == []


def test_a_dashboard_whose_address_cannot_be_written_runs_unfound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with announced("http://127.0.0.1:1", "here"):
        assert address_over("here") is None


def test_files_beside_those_of_dashboards_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with announced("http://127.0.0.1:1", "here"):
        for name, text in (("0.json", "{damaged"), ("1.json", "[]"), ("2.json", '{"host": "elsewhere"}')):
            (tmp_path / "sigtune" / "dashboards" / name).write_text(text)
        assert address_over("here") == "http://127.0.0.1:1"
    assert address_over("here") is None


@pytest.mark.parametrize("subcommand", [["dashboard"], ["server", "--no-auth"]])
def test_a_port_that_is_taken_is_said_so(
    store: str, subcommand: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main.main([*subcommand, "--store", store, "--port", port]) == 2
    told = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in told
    assert "--port 0" in told


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
