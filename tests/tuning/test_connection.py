"""Which SigOpt is reached, and that the token stays secret."""

import logging
import os
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sigopt.exception import ApiException
from sqlalchemy.exc import OperationalError
from tests.patience import PATIENCE_SECONDS

from sigtune.backend.driver import LocalDriver
from sigtune.errors import Problem, UsageError
from sigtune.tuning.connection import choose_backend, connect, describe_backend, ensure_project, log_backend

TOKEN = "SECRETTOKENVALUE"


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGOPT_KEY", "SIGOPT_API_TOKEN", "SIGOPT_DEV_KEY", "SIGOPT_API_URL", "SIGOPT_PROJECT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def refusing_server() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The address of a server that knows the token but allows nothing, and the requests it has had."""
    requests: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.requestline.split()[1]  # self.path has lost a double slash
            requests.append((path, str(self.headers["Authorization"])))
            is_token = path == "/v1/tokens/self"
            body = b'{"object": "token", "client": "1"}' if is_token else b'{"message": "not allowed"}'
            self.send_response(200 if is_token else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()
        thread.join()


def problem_of(call: Callable[..., Any], *arguments: Any) -> Problem:
    with pytest.raises(UsageError) as error:
        call(*arguments)
    (problem,) = error.value.problems
    return problem


def test_without_a_token_auto_is_the_local_backend() -> None:
    assert choose_backend("auto") == "local"


@pytest.mark.parametrize("variable", ["SIGOPT_KEY", "SIGOPT_API_TOKEN", "SIGOPT_DEV_KEY"])
def test_with_a_token_auto_is_the_server(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, TOKEN)
    monkeypatch.setenv("SIGOPT_API_URL", "http://localhost:1")
    assert choose_backend("auto") == "api"


def test_local_stays_local_whatever_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGOPT_KEY", TOKEN)
    assert choose_backend("local") == "local"


def test_an_empty_token_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGOPT_KEY", "")
    assert choose_backend("auto") == "local"


def test_an_unknown_backend_is_refused_with_the_three_there_are() -> None:
    problem = problem_of(choose_backend, "cloud")
    assert (problem.key, problem.remedy) == ("sigopt.backend", "auto, api or local")
    assert "'cloud'" in problem.what


@pytest.mark.parametrize("backend", ["auto", "api"])
def test_a_server_without_an_address_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("SIGOPT_KEY", TOKEN)
    problem = problem_of(connect, backend)
    assert problem.key == "SIGOPT_API_URL"
    assert "hosted SigOpt service is gone" in problem.what
    assert "sigopt.backend=local" in problem.remedy
    assert TOKEN not in str(problem)


def test_a_server_without_a_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGOPT_API_URL", "http://localhost:1")
    problem = problem_of(connect, "api")
    assert problem.what == "no token"
    assert "SIGOPT_KEY" in problem.remedy


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_server_is_asked_at_its_address_with_the_token_and_the_token_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    refusing_server: tuple[str, list[tuple[str, str]]],
    slash: str,
) -> None:
    address, requests = refusing_server
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SIGOPT_KEY", TOKEN)
    monkeypatch.setenv("SIGOPT_API_URL", address + slash)
    connection = connect()
    with pytest.raises(ApiException) as error:
        connection.experiments().fetch()
    ((path, authorization),) = requests
    assert path.startswith("/v1/experiments")
    assert authorization.startswith("Basic ")
    shown = [
        repr(connection),
        str(connection),
        str(error.value),
        repr(error.value),
        "".join(traceback.format_exception(error.value)),
        caplog.text,
        *capfd.readouterr(),
        describe_backend("auto", "sqlite:///sigopt.db"),
    ]
    assert not [text for text in shown if TOKEN in text]


def test_the_choice_of_the_backend_is_logged_when_work_begins_and_not_on_connecting(
    caplog: pytest.LogCaptureFixture, store: str
) -> None:
    caplog.set_level(logging.INFO)
    connect("auto", store)
    assert caplog.messages == []
    log_backend("auto")
    assert caplog.messages == ["sigopt.backend=auto: using the local backend"]


def test_the_local_backend_is_described_by_its_file() -> None:
    assert describe_backend("auto", "sqlite:///runs/sigopt.db") == "backend local (runs/sigopt.db)"


def test_the_password_of_a_database_is_not_described() -> None:
    shown = describe_backend("local", f"postgresql://me:{TOKEN}@db.example/sigopt")
    assert TOKEN not in shown
    assert "db.example/sigopt" in shown


def test_both_backends_come_through_the_official_client(monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    local = connect("local", store)
    monkeypatch.setenv("SIGOPT_KEY", TOKEN)
    monkeypatch.setenv("SIGOPT_API_URL", "http://localhost:1")
    assert type(connect("api")) is type(local)
    assert type(local).__module__.startswith("sigopt.")


@pytest.mark.parametrize("project", [None, "my_project", "NOT/ONE!"])
def test_connecting_works_in_a_folder_whose_name_is_not_a_project_id(
    tmp_path: Path, project: str | None
) -> None:
    folder = tmp_path / "Not a project (ID)!"
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGOPT_")}
    if project:
        environment["SIGOPT_PROJECT"] = project
    script = (
        "import os\n"
        "from sigtune.tuning.connection import connect\n"
        "print(connect('local').experiments().fetch().count, os.environ.get('SIGOPT_PROJECT'))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert result.stderr == ""
    assert result.stdout.split() == ["0", str(project)]


def test_a_database_that_is_away_for_a_while_is_waited_for_and_no_longer_than_asked(
    monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    answer = LocalDriver.request
    failures, reason = [3], ["database is locked"]

    def away(*arguments: Any) -> Any:
        if failures[0]:
            failures[0] -= 1
            cause = OperationalError("SELECT 1", None, sqlite3.OperationalError(reason[0]))
            raise ApiException({"message": "the database is away"}, 503) from cause
        return answer(*arguments)

    monkeypatch.setattr(LocalDriver, "request", away)
    assert connect("local", store, retry_seconds=600).experiments().fetch().count == 0
    failures[0] = 10**6
    with pytest.raises(ApiException, match="the database is away"):
        connect("local", store, retry_seconds=0.2).experiments().fetch()
    reason[0] = "database or disk is full"
    with pytest.raises(ApiException, match="the database is away"):
        connect("local", store, retry_seconds=600).experiments().fetch()


def test_a_project_that_does_not_exist_is_created_and_one_that_does_is_kept(store: str) -> None:
    connection = connect("local", store)
    client = connection.tokens("self").fetch().client

    def projects() -> list[tuple[str, str]]:
        return [(p.id, p.name) for p in connection.clients(client).projects().fetch().iterate_pages()]

    assert "gsc_basic" not in dict(projects())
    ensure_project(connection, "gsc_basic")
    created = projects()
    assert ("gsc_basic", "gsc_basic") in created
    ensure_project(connection, "gsc_basic")
    assert projects() == created


def test_a_failure_other_than_a_missing_project_is_not_taken_for_one(
    monkeypatch: pytest.MonkeyPatch, refusing_server: tuple[str, list[tuple[str, str]]]
) -> None:
    address, requests = refusing_server
    monkeypatch.setenv("SIGOPT_KEY", TOKEN)
    monkeypatch.setenv("SIGOPT_API_URL", address)
    with pytest.raises(ApiException) as error:
        ensure_project(connect(), "gsc_basic")
    assert error.value.status_code == 403
    assert [path for path, _ in requests] == ["/v1/tokens/self", "/v1/clients/1/projects/gsc_basic"]
