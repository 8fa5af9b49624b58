"""report.html in a browser: opened from the disk, offline, as it is sent to others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sigtune.report.content import Background
from sigtune.report.results import Results, results_from_json
from sigtune.report.write import write_report
from tests.browser.pages import Chromium, violations

pytestmark = pytest.mark.browser

HOSTILE = "<script>document.title = 'taken'</script>"


def results(count: int) -> Results:
    """A learning rate, a kind and an accuracy; every seventh observation failed, the fifth is the best."""
    experiment = {
        "name": f"search {HOSTILE}",
        "parameters": [
            {"name": "lr", "type": "double", "bounds": {"min": 1e-4, "max": 1}, "transformation": "log"},
            {"name": "kind", "type": "categorical", "categorical_values": ["relu", HOSTILE]},
        ],
        "metrics": [{"name": "accuracy"}],
        "observation_budget": count,
    }
    observations = [
        {
            "id": number,
            "assignments": {"lr": 10 ** (-4 * (number * 0.618 % 1)), "kind": ("relu", HOSTILE)[number % 2]},
            "failed": number % 7 == 0,
            "values": []
            if number % 7 == 0
            else [{"name": "accuracy", "value": 0.9 if number == 5 else number * 0.754 % 0.8}],
            "metadata": {"job": number, "reason": HOSTILE if number % 7 == 0 else ""},
        }
        for number in range(1, count + 1)
    ]
    return results_from_json(experiment, observations)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of twenty observations, with learning curves and a confusion matrix."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "5").mkdir()
    (folder / "5" / "curves.csv").write_text("epoch,loss,accuracy\n0,2,0.5\n1,1,0.9\n")
    (folder / "5" / "confusion.csv").write_text('"validation, epoch 1",yes,no\nyes,5,1\nno,0,7\n')
    background = Background(
        facts=[("folder", HOSTILE)],
        folders={5: folder / "5"},
        commands={5: f"python train.py kind={HOSTILE}"},
    )
    return write_report(folder, results(20), background)[0]


@contextmanager
def opened(chromium: Chromium, report: Path, **options: Any) -> Iterator[Any]:
    """Open the report; whatever it asks for besides itself is an error."""
    with chromium.page(**options) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        page.wait_for_function(
            "[...document.querySelectorAll('.figure')].every((each) => each.childElementCount)"
        )
        yield page
        assert asked == [report.as_uri()]


def test_it_shows_the_right_numbers_and_every_text_as_text(chromium: Chromium, report: Path) -> None:
    with opened(chromium, report) as page:
        assert page.title() == f"search {HOSTILE} · sigtune"
        assert page.inner_text("h1") == f"search {HOSTILE}"
        assert "20 of 20, 2 failed" in page.inner_text("dl")
        row = page.locator("tbody tr").first.locator("td").all_inner_texts()
        assert (row[0], row[1], row[2]) == ("5", "5", "0.9")
        assert f"python train.py kind={HOSTILE}" in page.inner_text("pre")
        labels = page.locator(".figure").evaluate_all(
            "(all) => all.map((each) => each.getAttribute('aria-label'))"
        )
        assert "History of accuracy: 20 observations, the best so far is 0.9" in labels
        assert "Confusion matrix: validation, epoch 1: 12 of 13 right" in labels
        assert "loss: job 5: 1 at last" in labels
        assert page.locator("td.text").all_inner_texts() == [HOSTILE, HOSTILE]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_meets_wcag_aa(chromium: Chromium, report: Path, scheme: str) -> None:
    with chromium.page(scheme=scheme) as page:
        page.goto(report.as_uri())
        assert violations(page) == []


def test_it_fits_a_small_screen(chromium: Chromium, report: Path) -> None:
    with opened(chromium, report, width=375, height=700) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_a_reader_chooses_the_axes_of_the_scatter(chromium: Chromium, report: Path) -> None:
    with opened(chromium, report) as page:
        figure = page.locator(".axes + .figure")
        page.get_by_label("horizontal").select_option(label="kind")
        assert str(figure.get_attribute("aria-label")).startswith("accuracy against kind")
        page.get_by_label("vertical").select_option(label="lr")
        assert str(figure.get_attribute("aria-label")).startswith("lr against kind")


def test_a_click_on_a_point_tells_the_observation_and_what_was_assigned(
    chromium: Chromium, report: Path
) -> None:
    with opened(chromium, report) as page:
        history = page.locator(".figure").first
        history.scroll_into_view_if_needed()
        box = history.bounding_box()
        x, y = page.evaluate(
            "() => echarts.getInstanceByDom(document.querySelector('.figure'))"
            ".convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, [5, 0.9])"
        )
        page.mouse.click(box["x"] + x, box["y"] + y)
        told = page.inner_text(".chosen")
        assert told.startswith("observation 5 · job 5 · accuracy = 0.9 · ")
        assert f"kind = {HOSTILE}" in told


def test_ten_thousand_observations_are_drawn(chromium: Chromium, tmp_path: Path) -> None:
    large = write_report(tmp_path, results(10_000), Background())[0]
    with opened(chromium, large) as page:
        label = page.locator(".figure").first.get_attribute("aria-label")
        assert label == "History of accuracy: 10000 observations, the best so far is 0.9"
        assert page.locator(".figure canvas").count() >= 4
