"""How fast the API answers, over HTTP and in the process, from a SQLite store.

Reports: eight clients report to one experiment as fast as they can; over HTTP the clients are a process of
their own, with a connection each. Listing, creating and looking up: the median of one client's calls. Each
figure over HTTP stands beside the one in the process.

    python benchmarks/api_speed.py [--quick]
"""

from __future__ import annotations

import base64
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import event

from options import read_options
from sigtune.backend.api import Api
from sigtune.backend.routes import find_route
from sigtune.server.background import running_server
from sigtune.server.serve import ServerOptions
from sigtune.server.tokens import create_token

CLIENTS = 8
REPORTS = 2000
OBSERVATIONS = 1000
EXPERIMENTS = 20
REPEATS = 15

Call = Callable[[str, str, Any], Any]

DEFINITION = {
    "name": "speed",
    "parameters": [
        {"name": name, "type": "double", "bounds": {"min": 0, "max": 1}} for name in ("a", "b", "c", "d")
    ],
    "metrics": [{"name": "accuracy"}, {"name": "seconds", "strategy": "store"}],
    "observation_budget": 10_000,
}


def main() -> None:
    quick = read_options(__doc__).quick
    reports, repeats = (REPORTS // 10, 3) if quick else (REPORTS, REPEATS)
    with tempfile.TemporaryDirectory() as folder, closing(Api(f"sqlite:///{folder}/sigopt.db")) as api:
        token = create_token(api.store, "benchmark")
        inside = in_process(api)
        with running_server(api, ServerOptions(port=0)) as url:
            outside = over_http(url, token)
            experiment = str(inside("POST", "experiments", DEFINITION)["id"])
            print("                                        HTTP   in the process")
            over, over_cpu = reports_a_second_over_http(url, token, experiment, reports)
            within, within_cpu = reports_a_second(api, experiment, reports)
            print_line(f"reports a second, {CLIENTS} clients", over, within, "1/s")
            print_line("processor time of a report", over_cpu, within_cpu, "ms")
            fill(inside)
            for name, method, path, body in calls(inside):
                over, within = (median_ms(call, method, path, body, repeats) for call in (outside, inside))
                print_line(name, over, within, "ms")
            statements = count_statements(api, lambda: inside("GET", "experiments", {"limit": EXPERIMENTS}))
            print(f"listing {EXPERIMENTS} experiments takes {statements} statements")


def print_line(name: str, over_http: float, in_process: float, unit: str) -> None:
    print(f"{name:34s} {over_http:7.1f} {unit:4s} {in_process:7.1f} {unit}", flush=True)


def in_process(api: Api) -> Call:
    def call(method: str, path: str, data: Any) -> Any:
        return api.answer(find_route(method, path.split("/")), method, data, "benchmark")

    return call


def over_http(url: str, token: str) -> Call:
    """Return a client with a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    credentials = base64.b64encode(f"{token}:".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}

    def call(method: str, path: str, data: Any) -> Any:
        query = "" if method != "GET" else "?" + "&".join(f"{key}={value}" for key, value in data.items())
        body = None if method == "GET" else json.dumps(data)
        connection.request(method, f"/v1/{path}{query}", body, headers)
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(content.decode())
        return json.loads(content)

    return call


def fill(call: Call) -> None:
    """Make an experiment of a thousand observations, and some others, each observed a little."""
    experiment = call("POST", "experiments", DEFINITION)["id"]
    call(
        "POST",
        f"experiments/{experiment}/observations/batch",
        {"observations": [report(n) for n in range(OBSERVATIONS)]},
    )
    for _ in range(EXPERIMENTS):
        other = call("POST", "experiments", DEFINITION)["id"]
        call(
            "POST", f"experiments/{other}/observations/batch", {"observations": [report(n) for n in range(5)]}
        )


def calls(call: Call) -> list[tuple[str, str, str, Any]]:
    """Return what is measured by its median: a name, the method, the path and the body or query."""
    listed = call("GET", "experiments", {"limit": EXPERIMENTS + 1})["data"]
    path = f"experiments/{listed[-1]['id']}/observations"
    return [
        (f"list {OBSERVATIONS} observations", "GET", path, {"limit": OBSERVATIONS}),
        (f"list {EXPERIMENTS} experiments", "GET", "experiments", {"limit": EXPERIMENTS}),
        ("create an experiment", "POST", "experiments", DEFINITION),
        ("report an observation", "POST", path, report(0)),
        ("fetch an experiment", "GET", f"experiments/{listed[-1]['id']}", {}),
    ]


def report(number: int) -> dict[str, Any]:
    place = (number % 997) / 997
    return {
        "assignments": {"a": place, "b": 1 - place, "c": 0.5, "d": place / 2},
        "values": [{"name": "accuracy", "value": place}, {"name": "seconds", "value": 1.0}],
    }


def median_ms(call: Call, method: str, path: str, body: Any, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call(method, path, body)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def reports_a_second(api: Api, experiment: str, reports: int) -> tuple[float, float]:
    """Return how many reports a second threads of this process make, and the milliseconds of each."""
    calls = [in_process(api) for _ in range(CLIENTS)]
    begun = time.process_time()
    rate = at_once(calls, experiment, reports)
    return rate, 1000 * (time.process_time() - begun) / reports


def reports_a_second_over_http(url: str, token: str, experiment: str, reports: int) -> tuple[float, float]:
    """Return how many reports a second the clients of another process make, and what each costs this one.

    That is in milliseconds of processor time, which other work on the machine changes less than the rate.
    """
    command = [sys.executable, __file__, "--clients-of", url, token, experiment, str(reports)]
    begun = time.process_time()
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(result.stdout), 1000 * (time.process_time() - begun) / reports


def at_once(clients: list[Call], experiment: str, reports: int) -> float:
    path = f"experiments/{experiment}/observations"

    def work(call: Call) -> None:
        for number in range(reports // len(clients)):
            call("POST", path, report(number))

    threads = [threading.Thread(target=work, args=(call,)) for call in clients]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return reports // len(clients) * len(clients) / (time.perf_counter() - start)


def count_statements(api: Api, work: Callable[[], object]) -> int:
    """Return how many statements the store is asked while `work` runs."""
    counted = 0

    def count(*_arguments: object) -> None:
        nonlocal counted
        counted += 1

    engine = api.store.engine
    event.listen(engine, "before_cursor_execute", count)
    work()
    event.remove(engine, "before_cursor_execute", count)
    return counted


if __name__ == "__main__":
    if sys.argv[1:2] == ["--clients-of"]:
        url, token, experiment, count = sys.argv[2:]
        print(at_once([over_http(url, token) for _ in range(CLIENTS)], experiment, int(count)))
    else:
        main()
