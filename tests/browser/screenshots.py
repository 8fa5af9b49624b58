"""Makes the pictures of the README and of docs/dashboard.md: the pages of the example search, in chromium.

    python -m tests.browser.screenshots

The curves and figures are those of tests/browser/example.py, which trains nothing.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import BrowserType, sync_playwright

from sigtune.job.outcome import running_lock
from sigtune.search.folder import SweepFolder
from sigtune.tuning.connection import connect
from tests.browser.example import example_search
from tests.browser.pages import PATHS, Chromium, open_whole
from tests.dashboard.running import running_dashboard

IMAGES = Path(__file__).parents[2] / "docs" / "images"
PICTURES = {
    "dashboard_summary": ("summary", "light", 1130),
    "dashboard_analysis": ("analysis", "light", 1180),
    "dashboard_job": ("job", "dark", 800),
}


def main() -> None:
    """Write a PNG for each of the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="demo-") as name, example_search(Path(name)) as (store, search):
        sweep = Path(search.fetch().metadata["sweep_dir"])
        driver = connect("local", store, retry_seconds=0).impl.driver
        with ExitStack() as stack:
            stack.enter_context(SweepFolder(sweep))
            for number in ("45", "46", "47"):
                stack.enter_context(running_lock(sweep / number))
            url = stack.enter_context(running_dashboard(lambda _token: driver))
            take_all(url, stack.enter_context(sync_playwright()).chromium)
        driver.close()


def take_all(url: str, launcher: BrowserType) -> None:
    """Open each page and write its upper part."""
    browser = launcher.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    for picture, (page_name, scheme, height) in PICTURES.items():
        with Chromium(browser).page(width=1100, height=height, scheme=scheme) as page:
            open_whole(page, url + PATHS[page_name])
            page.screenshot(path=IMAGES / f"{picture}.png")
    browser.close()


if __name__ == "__main__":
    main()
