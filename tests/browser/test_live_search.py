"""A page that is open while a real search runs beside it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from sigtune.tuning.connection import connect
from tests.browser.pages import PATIENCE_MS, Chromium
from tests.dashboard.running import running_dashboard
from tests.search.sweep_app import SweepApp, output_of, wait_until

pytestmark = pytest.mark.browser


def test_the_summary_follows_a_search_to_its_end(chromium: Chromium, tmp_path: Path) -> None:
    app = SweepApp(tmp_path, {name: os.environ[name] for name in os.environ if not name.startswith("SIGOPT")})
    with app.start("seconds=3", "sigopt.observation_budget=3", "++ends={2: raise}") as process:
        wait_until(lambda: app.journal() or process.poll() is not None)
        _watch(chromium, f"sqlite:///{tmp_path / 'app.db'}")
        output_of(process)


def _watch(chromium: Chromium, store: str) -> None:
    driver = connect("local", store, retry_seconds=0).impl.driver
    with running_dashboard(lambda _token: driver) as url, chromium.page() as page:
        page.goto(f"{url}/experiments/1")
        page.get_by_text(re.compile("^runs$")).wait_for(timeout=PATIENCE_MS)
        page.get_by_text("1 ×").wait_for(timeout=PATIENCE_MS)
        page.get_by_text("3 of 3 observations").wait_for(timeout=PATIENCE_MS)
        page.get_by_text("Nothing: no suggestion is open.").wait_for(timeout=PATIENCE_MS)
        page.get_by_role("link", name="ValueError: no good [at all]").first.click()
        page.get_by_text('raise ValueError("no good [at all]")').wait_for(timeout=PATIENCE_MS)
    driver.close()
