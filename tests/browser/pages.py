"""Pages in a real browser, and what is wanted of every one of them."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

PATHS = {
    "experiments": "/",
    "summary": "/experiments/1",
    "analysis": "/experiments/1/analysis",
    "history": "/experiments/1/history",
    "suggestions": "/experiments/1/suggestions",
    "add-data": "/experiments/1/add-data",
    "properties": "/experiments/1/properties",
    "job": "/experiments/1/jobs/4",
    "curves": "/experiments/1/curves",
    "compare": "/compare?experiment=1",
}

PATIENCE_MS = 60_000.0

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""The rules of axe-core that a page meets."""

FILLED = "() => document.getElementById('history-place')?.textContent !== 'Reading…'"
DRAWN = "(figure) => figure.querySelector('canvas') || figure.classList.contains('is-reason')"


@dataclass(frozen=True)
class Chromium:
    """A browser that is running."""

    browser: Any

    @contextmanager
    def page(
        self, *, width: int = 1280, height: int = 900, scheme: str = "light", expected: tuple[str, ...] = ()
    ) -> Iterator[Any]:
        """Give an empty page; at the end no error may have been logged, but for those that are expected."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
        )
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        try:
            yield page
        finally:
            context.close()
        assert [error for error in errors if not any(part in error for part in expected)] == []


def open_whole(page: Any, address: str) -> None:
    """Open a page and wait until all of it is there: figures are drawn when they come into view."""
    page.goto(address)
    page.wait_for_function(FILLED, timeout=PATIENCE_MS)
    for figure in page.query_selector_all("[data-figure]"):
        figure.scroll_into_view_if_needed()
        page.wait_for_function(DRAWN, arg=figure, timeout=PATIENCE_MS)
    page.evaluate("scrollTo(0, 0)")


def violations(page: Any) -> list[str]:
    """Return what axe-core finds of the rules of WCAG at the levels A and AA, contrast among them."""
    source = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
    page.evaluate(source)
    found = page.evaluate(f"axe.run(document, {{runOnly: {list(RULES)}}})")
    return [
        f"{violation['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
