"""A SigOpt server that is busy, broken, or away: a real one on a loopback port that misbehaves on purpose."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sigopt.exception import ApiException

from sigtune.backend.driver import LocalDriver

from .sweep_app import SweepApp, labelled, output_of, wait_until

KEY = "a-secret-key"
TWO_SLOTS = ("hydra/launcher=joblib", "sigopt.parallel_bandwidth=2")


# What goes wrong with a request: a status to answer with, or an answer that gets "lost".
Fault = int | str | None
FaultOf = Callable[[int], Fault]


BODIES = {
    "html": b"<html>hello</html>",
    "empty": b"",
    "broken": b'{"object": "exp',
    "null": b"null",
    "nothing": b"{}",
}


class SigOptServer(ThreadingHTTPServer):
    """The embedded backend behind HTTP, which sorts an answer's lists by name, as SigOpt's own server does.

    `fault(count)` says what goes wrong with a request, by its number.
    """

    def __init__(self, store: str, fault: FaultOf, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.driver = LocalDriver(store)
        self.fault = fault
        self.lock = threading.Lock()
        self.count = 0


class Handler(BaseHTTPRequestHandler):
    server: SigOptServer

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        with self.server.lock:
            self.server.count += 1
            fault = self.server.fault(self.server.count)
            if isinstance(fault, int):
                self.reply(fault, {"message": "on purpose"})
                return
            if fault in BODIES:
                self.send(200, BODIES[str(fault)])
                return
            status, result = self.ask(body)
        if fault == "lost":
            self.close_connection = True
            self.connection.close()
            return
        self.reply(status, result)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def ask(self, body: bytes) -> tuple[int, Any]:
        url = urlsplit(self.path)
        data = json.loads(body) if body else dict(parse_qsl(url.query))
        if "limit" in data:
            data["limit"] = int(data["limit"])
        try:
            return 200, self.server.driver.request(self.command, url.path.split("/")[2:], data)
        except ApiException as error:
            return error.status_code, error.to_json()

    def reply(self, status: int, result: Any) -> None:
        for name in ("metrics", "parameters", "values"):
            if isinstance(result, dict) and isinstance(result.get(name), list):
                result[name].sort(key=lambda item: item["name"])
        self.send(status, json.dumps(result).encode())

    def send(self, status: int, text: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name in http.server
        pass


@contextmanager
def serving(app: SweepApp, fault: FaultOf = lambda count: None, port: int = 0) -> Iterator[SigOptServer]:
    server = SigOptServer(f"sqlite:///{app.folder}/app.db", fault, port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    app.environment |= {
        "SIGOPT_KEY": KEY,
        "SIGOPT_API_URL": f"http://127.0.0.1:{server.server_address[1]}",
    }
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        server.driver.close()


def assert_complete(app: SweepApp, budget: int) -> None:
    observations = app.observations()
    assert len(observations) == len({observed.suggestion for observed in observations}) == budget
    assert not any(observed.failed for observed in observations)
    assert app.open_suggestions() == []


def every(number: int, fault: Fault, others: FaultOf = lambda count: None) -> FaultOf:
    return lambda count: fault if count % number == 0 else others(count)


@pytest.mark.parametrize(
    ("fault", "launcher"),
    [
        (every(3, 503), ()),
        (every(4, 429), ()),
        (every(5, "lost"), ()),
        (every(4, 500, every(7, "lost")), TWO_SLOTS),
    ],
    ids=["503", "429", "lost", "both, with two slots"],
)
def test_requests_that_fail_for_a_while_are_repeated(
    app: SweepApp, fault: FaultOf, launcher: tuple[str, ...]
) -> None:
    with serving(app, fault) as server:
        result = app.run("sigopt.backend=api", *launcher)
    assert result.returncode == 0, result.stdout + result.stderr
    assert server.count > 12
    assert_complete(app, 4)


def test_the_values_of_a_sequence_go_to_the_metrics_in_the_order_of_the_block_or_are_refused(
    app: SweepApp,
) -> None:
    returns = "++returns={1: sequence, 2: sequence, 3: sequence}"
    metrics = "sigopt.metrics=[{name: height}, {name: breadth, strategy: store}]"
    with serving(app):
        result = app.run("sigopt.backend=api", returns, metrics, "sigopt.observation_budget=2", "size=7")
        assert result.returncode == 0, result.stdout + result.stderr
        observed = [{entry.name: entry.value for entry in one.values} for one in app.observations()]
        app.experiment().update(observation_budget=3)
        refused = app.run("sigopt.backend=api", returns, "sigopt.experiment_id=1", "size=7")
    assert [values["breadth"] for values in observed] == [7, 7]
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "return a mapping" in refused.stderr
    assert len(app.observations()) == 2


def test_what_the_embedded_backend_could_not_do_is_asked_of_the_server_and_its_answer_is_shown(
    app: SweepApp,
) -> None:
    with serving(app):
        result = app.run("sigopt.backend=api", "sigopt.type=quantum")
    assert result.returncode == 2, result.stdout + result.stderr
    assert "refused by SigOpt" in result.stderr
    assert "quantum" in result.stderr


def test_a_parameter_that_its_conditional_switches_off_keeps_the_value_of_the_config(app: SweepApp) -> None:
    with serving(app):
        result = app.run("sigopt.backend=api", "--config-name=conditional")
    assert result.returncode == 0, result.stdout + result.stderr
    branches = [observed.assignments["branch"] for observed in app.observations()]
    assert set(branches) == {"narrow", "wide"}
    assert [("units" in observed.assignments) for observed in app.observations()] == [
        branch == "wide" for branch in branches
    ]


def test_a_server_that_stays_away_ends_the_search_and_what_was_trained_is_reported_on_resume(
    app: SweepApp,
) -> None:
    arguments = ("sigopt.backend=api", "sigopt.retry_seconds=2", "hydra/launcher=joblib")
    with serving(app) as server:
        process = app.start(*arguments, "++lengths={2: 3}")
        wait_until(lambda: app.starts(2))
        port = server.server_address[1]
    output = output_of(process)
    assert process.returncode == 1, output
    assert "Traceback" not in output
    assert "SigOpt cannot be reached" in output
    assert "trying again in" in output
    assert len(app.observations()) == 1
    with serving(app, port=port):
        result = app.run(*arguments, "sigopt.experiment_id=1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(app.starts(2)) == 1
    assert_complete(app, 4)


def test_whatever_a_server_answers_in_mid_search_ends_it_with_a_line_and_it_resumes(app: SweepApp) -> None:
    faults: list[Fault] = [401, 403, 404, 409, *BODIES]
    budget = len(faults) + 1
    arguments = ("sigopt.backend=api", "sigopt.retry_seconds=0.5", f"sigopt.observation_budget={budget}")
    resuming: tuple[str, ...] = ()
    for fault in faults:

        def breaks(count: int, fault: Fault = fault) -> Fault:
            return fault if count > 9 else None

        with serving(app, breaks):
            result = app.run(*arguments, *resuming)
        assert result.returncode == 1, result.stdout + result.stderr
        assert "Traceback" not in result.stderr + result.stdout
        (stopped,) = labelled(result.stdout, "stopped")
        assert str(fault) in stopped if isinstance(fault, int) else "not as SigOpt does" in stopped
        assert labelled(result.stdout, "resume")
        resuming = ("sigopt.experiment_id=1",)
    with serving(app):
        result = app.run(*arguments, *resuming)
    assert result.returncode == 0, result.stdout + result.stderr
    assert_complete(app, budget)


@pytest.mark.parametrize("fault", [401, 403])
def test_a_token_that_the_server_does_not_accept_is_named(app: SweepApp, fault: int) -> None:
    with serving(app, lambda count: fault):
        result = app.run("sigopt.backend=api")
    assert result.returncode == 2
    assert "SIGOPT_KEY" in result.stderr
    assert "Traceback" not in result.stderr


def test_no_server_at_all_is_one_line(app: SweepApp) -> None:
    app.environment |= {"SIGOPT_KEY": KEY, "SIGOPT_API_URL": "http://127.0.0.1:9"}
    result = app.run("sigopt.backend=api", "sigopt.retry_seconds=0.5")
    assert result.returncode == 1
    assert "error: SigOpt cannot be reached" in result.stderr
    assert "Traceback" not in result.stderr
    assert KEY not in result.stderr


def test_the_key_is_in_no_output_and_no_file(app: SweepApp) -> None:
    with serving(app):
        result = app.run("sigopt.backend=api", "++ends={1: raise}")
        assert KEY not in result.stdout + result.stderr
    files = [path for path in app.folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_ctrl_c_while_waiting_for_a_server_ends_the_search(app: SweepApp) -> None:
    arguments = ("sigopt.backend=api", "sigopt.retry_seconds=600")
    with serving(app):
        process = app.start(*arguments, "++lengths={1: 2}")
        wait_until(lambda: app.starts(1))
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    output = output_of(process)
    assert process.returncode == 130, output
    assert "resume" in output
