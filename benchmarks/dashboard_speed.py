"""How fast the pages are with 10,000 observations, beside optuna-dashboard with the same data in one run.

In headless chromium: the first paint of an experiment's page, and the time until all its points are drawn, of
the first visit to a dashboard that has just been started and of later ones. Then, of the table that
optuna-dashboard has none of: a click that sorts it until the next frame, and the longest frame of a scroll.
optuna-dashboard reads from memory, as writing so many trials to its database takes minutes. A page that takes
longer than --quick waits for, half a minute, is left there, and called slower than that.

    python benchmarks/dashboard_speed.py [--quick]
"""

from __future__ import annotations

import math
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna
from optuna.storages import InMemoryStorage
from optuna_dashboard import wsgi
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import TimeoutError as WaitedInVainError
from sigopt import Connection

from options import read_options
from sigtune.backend.driver import LocalDriver
from sigtune.cli.optuna_study import write_study
from sigtune.dashboard.serve import DashboardOptions, new_server
from sigtune.dashboard.source import Source

OBSERVATIONS = 10_000
BATCH = 1000
SORTS = 5

CLICK = """async (button) => {
  const begun = performance.now();
  button.click();
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - begun;
}"""
SCROLL = """async () => {
  let longest = 0, before = performance.now();
  for (let frame = 0; frame < 60; frame++) {
    scrollBy(0, 40);
    await new Promise((resolve) => requestAnimationFrame(resolve));
    longest = Math.max(longest, performance.now() - before);
    before = performance.now();
  }
  return longest;
}"""
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@dataclass(frozen=True)
class Effort:
    """How often a page is visited, and for how many seconds it is waited for."""

    visits: int
    patience: float


def main() -> None:
    effort = Effort(2, 30.0) if read_options(__doc__).quick else Effort(5, 150.0)
    executable = shutil.which("chromium")
    if executable is None:
        print("no chromium on this machine: apt-get install chromium")
        return
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        driver = LocalDriver(f"sqlite:///{folder}/sigopt.db")
        storage = InMemoryStorage()
        fill(driver, storage, OBSERVATIONS)
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        print(f"{f'{OBSERVATIONS} observations':34s} first visit  later visits, median", flush=True)
        with sigtune_dashboard(driver) as url:
            told("sigtune", browser, f"{url}/experiments/1", "canvas", effort)
            table(browser, f"{url}/experiments/1/history", effort)
        with optuna_dashboard(storage) as url:
            points = ".js-plotly-plot .scatterlayer .trace, .js-plotly-plot .gl-canvas"
            told("optuna-dashboard", browser, f"{url}/dashboard/studies/0", points, effort)
        browser.close()
        driver.close()


def fill(driver: LocalDriver, storage: InMemoryStorage, count: int) -> None:
    """Make an experiment of so many observations, and a study of the same trials."""
    randomness = random.Random(0)
    names = "abcd"
    created = (
        Connection(driver=lambda: driver)
        .experiments()
        .create(
            name="speed",
            parameters=[{"name": name, "type": "double", "bounds": {"min": 0, "max": 1}} for name in names],
            metrics=[{"name": "accuracy", "objective": "maximize"}],
            observation_budget=count,
        )
    )
    source = Source(driver)
    place = ("experiments", str(created.id), "observations")
    for _ in range(count // BATCH):
        source.post(*place, "batch", observations=[observation(randomness, names) for _ in range(BATCH)])
    oldest_first = source.all(*place)[::-1]
    write_study(storage, source.get(*place[:2]), oldest_first)


def observation(randomness: random.Random, names: str) -> dict[str, Any]:
    assignments = {name: randomness.random() for name in names}
    distance = sum((value - 0.3) ** 2 for value in assignments.values())
    value = {"name": "accuracy", "value": 1 - distance + randomness.gauss(0, 0.02)}
    return {"assignments": assignments, "values": [value]}


@contextmanager
def sigtune_dashboard(driver: LocalDriver) -> Iterator[str]:
    server = new_server(lambda _token: driver, DashboardOptions(port=0), needs_token=False)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # its name in the base class
        del format, arguments


@contextmanager
def optuna_dashboard(storage: InMemoryStorage) -> Iterator[str]:
    with make_server("127.0.0.1", 0, wsgi(storage), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def told(name: str, browser: Browser, address: str, drawn: str, effort: Effort) -> None:
    """Print first paint and the time until the points are there; after a visit in vain there is no other."""
    visits: list[tuple[float, float]] = []
    while len(visits) < effort.visits and math.inf not in (visits[0] if visits else ()):
        visits.append(visit(browser, address, drawn, effort.patience))
    for index, what in enumerate(("first paint", "points drawn")):
        first, *later = [times[index] for times in visits]
        shown = [seconds(each, effort.patience) for each in (first, *([median(later)] if later else []))]
        print(f"{f'{name}, {what}':34s} {'  '.join(f'{each:>11s}' for each in shown)}", flush=True)


def visit(browser: Browser, address: str, drawn: str, patience: float) -> tuple[float, float]:
    """Return the seconds until the first paint, and until the points are there; infinity for what is not."""
    painted = math.inf
    with browser.new_page() as page:
        begun = time.perf_counter()
        page.set_default_timeout(patience * 1000)
        try:
            page.goto(address, wait_until="commit")
            painted = page.wait_for_function(FIRST_PAINT).json_value() / 1000
            left = patience - (time.perf_counter() - begun)
            page.wait_for_selector(drawn, timeout=max(1.0, left * 1000), state="attached")
        except WaitedInVainError:
            return painted, math.inf
        return painted, time.perf_counter() - begun


def table(browser: Browser, address: str, effort: Effort) -> None:
    """Print how long a sort takes, the median and the longest, and the longest frame of a scroll."""
    with browser.new_page() as page:
        page.goto(address)
        page.wait_for_selector("tbody tr", timeout=effort.patience * 1000)
        heading = page.locator("th:nth-child(5) button")
        sorts = sorted(heading.evaluate(CLICK) for _ in range(SORTS))
        print(f"{'sigtune, a sort':34s} {median(sorts):8.0f} ms (median), {sorts[-1]:.0f} ms (longest)")
        print(f"{'sigtune, a scroll':34s} {page.evaluate(SCROLL):8.0f} ms (longest frame)", flush=True)


def seconds(value: float, patience: float) -> str:
    return f"> {patience:.0f} s" if math.isinf(value) else f"{value:.2f} s"


if __name__ == "__main__":
    main()
