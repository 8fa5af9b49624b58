"""Debian's chromium over a dashboard of the example search."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import sync_playwright
from sigopt.resource import BoundApiResource

from sigtune.tuning.connection import connect
from tests.browser.example import example_search
from tests.browser.pages import Chromium
from tests.dashboard.running import running_dashboard

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """A browser that all tests share."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        # Without its sandbox it runs as root too; it opens pages of these tests only.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Chromium(browser)
        browser.close()


@dataclass(frozen=True)
class Example:
    """A dashboard at `url`, over a `store` that has one `search`."""

    url: str
    store: str
    search: BoundApiResource


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example search, and a dashboard over it."""
    folder = tmp_path_factory.mktemp("example")
    with example_search(folder) as (store, search):
        driver = connect("local", store, retry_seconds=0).impl.driver
        with running_dashboard(lambda _token: driver) as url:
            yield Example(url, store, search)
        driver.close()


@pytest.fixture
def url(example: Example) -> str:
    """The dashboard's address."""
    return example.url


@pytest.fixture
def search(example: Example) -> BoundApiResource:
    """The experiment."""
    return example.search


@pytest.fixture
def store_of_example(example: Example) -> str:
    """The URL of the example's store."""
    return example.store
