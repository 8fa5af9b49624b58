"""The pages in a browser: right numbers, live, by keyboard, readable, on a small screen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from sigopt.resource import BoundApiResource

from tests.browser.example import DEFINITION
from tests.browser.pages import PATHS, PATIENCE_MS, Chromium, open_whole, violations
from tests.fixture_types import Connect

pytestmark = pytest.mark.browser

POINT = {"max_lr": 0.5, "div_factor": 50, "pct_start": 0.1, "weight_decay": 1e-4}


def text_of(page: Any, selector: str) -> str:
    return " ".join(str(page.inner_text(selector)).split())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PATHS)
def test_a_page_meets_wcag_aa_and_logs_no_error(chromium: Chromium, url: str, name: str, scheme: str) -> None:
    with chromium.page(scheme=scheme) as page:
        open_whole(page, url + PATHS[name])
        assert violations(page) == []


@pytest.mark.parametrize("name", PATHS)
def test_a_page_fits_a_small_screen(chromium: Chromium, url: str, name: str) -> None:
    with chromium.page(width=375, height=700) as page:
        open_whole(page, url + PATHS[name])
        assert page.evaluate("document.documentElement.scrollWidth") == 375


@pytest.mark.parametrize("name", PATHS)
def test_the_keyboard_reaches_everything_that_a_pointer_can_press(
    chromium: Chromium, url: str, name: str
) -> None:
    pressable = "a[href], button:not(:disabled), input:not([type=hidden]), select, textarea, summary"
    with chromium.page() as page:
        open_whole(page, url + PATHS[name])
        wanted = page.evaluate(
            f"""() => [...document.querySelectorAll('{pressable}')]
                .map((each, index) => {{ each.dataset.wanted = index; return String(index); }})"""
        )
        reached = set()
        for _ in range(3 * len(wanted) + 40):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.dataset.wanted"))
            if reached >= set(wanted):
                break
        assert set(wanted) - reached == set()


def test_the_numbers_are_those_of_the_store(chromium: Chromium, url: str, search: BoundApiResource) -> None:
    progress = search.fetch().to_json()["progress"]
    best = {value["name"]: value["value"] for value in progress["best_observation"]["values"]}
    with chromium.page() as page:
        open_whole(page, f"{url}/experiments/1")
        assert f"{progress['observation_count']} of 60 observations" in text_of(page, "main")
        assert f"accuracy {best['accuracy']:.5g}" in text_of(page, "[aria-labelledby=best-title]")
        page.goto(f"{url}/experiments/1/history")
        page.wait_for_selector("tbody tr")
        page.click("th button:has-text('accuracy')")
        first = page.locator("tbody tr").first.inner_text().split("\t")
        assert first[4] == f"{best['accuracy']:.5g}"
        assert "★" in first[1]


def test_the_table_is_sorted_filtered_and_paged(
    chromium: Chromium, url: str, search: BoundApiResource
) -> None:
    observations = [item.to_json() for item in search.observations().fetch().iterate_pages()]
    failed = [item for item in observations if item["failed"]]
    small = [item for item in observations if item["assignments"]["max_lr"] < 0.1]
    with chromium.page() as page:
        page.goto(f"{url}/experiments/1/history")
        page.wait_for_selector("tbody tr")
        page.select_option("select[name=state]", "failed")
        assert f"of {len(failed)}, {len(observations)} in all" in text_of(page, "#history-place")
        page.select_option("select[name=state]", "")
        page.fill("input[name=filter]", "max_lr < 0.1")
        assert f"of {len(small)}, " in text_of(page, "#history-place")
        page.click("th button:has-text('max_lr')")
        page.click("th button:has-text('max_lr')")
        shown = [float(text) for text in page.locator("tbody tr td:nth-child(8)").all_inner_texts()]
        assert shown == sorted(shown)
        assert page.get_attribute("th:has-text('max_lr')", "aria-sort") == "ascending"


def test_a_change_shows_by_itself_and_keeps_place_focus_and_zoom(
    chromium: Chromium, url: str, search: BoundApiResource
) -> None:
    count = search.fetch().progress.observation_count
    with chromium.page(height=500) as page:
        open_whole(page, f"{url}/experiments/1")
        page.wait_for_timeout(2500)  # the first look has been made
        page.evaluate("scrollTo(0, 400)")
        page.focus("[data-copy]")
        zoom = "(() => echarts.getInstanceByDom(document.querySelector('[data-figure]')))()"
        page.evaluate(f"{zoom}.dispatchAction({{type: 'dataZoom', dataZoomIndex: 0, start: 25, end: 75}})")
        top = page.evaluate("scrollY")
        values = [{"name": "accuracy", "value": 0.5}, {"name": "seconds", "value": 1}]
        search.observations().create(assignments=POINT, values=values)
        page.get_by_text(f"{count + 1} of 60 observations").wait_for(timeout=PATIENCE_MS)
        assert page.evaluate("scrollY") == top
        assert page.evaluate("document.activeElement.dataset.copy")
        page.wait_for_timeout(500)
        shown = page.evaluate(f"{zoom}.getOption().dataZoom[0]")
        assert (round(shown["start"]), round(shown["end"])) == (25, 75)


def test_what_is_typed_stays_while_the_page_changes(
    chromium: Chromium, url: str, search: BoundApiResource
) -> None:
    with chromium.page() as page:
        page.goto(f"{url}/experiments/1/suggestions")
        page.wait_for_timeout(2500)
        page.fill("input[name='parameter:max_lr']", "0.25")
        waiting = search.suggestions().fetch(state="open").count
        search.suggestions().create(assignments=POINT)
        page.get_by_text(f"({waiting + 1})").first.wait_for(timeout=PATIENCE_MS)
        assert page.input_value("input[name='parameter:max_lr']") == "0.25"
        assert page.evaluate("document.activeElement.name") == "parameter:max_lr"


def test_curves_and_confusion_matrix_of_a_job_come_to_its_open_page(
    chromium: Chromium, url: str, search: BoundApiResource
) -> None:
    folder = Path(search.fetch().metadata["sweep_dir"]) / "45"
    with chromium.page() as page:
        page.goto(f"{url}/experiments/1/jobs/45")
        page.wait_for_timeout(2500)  # the first look has been made
        (folder / "confusion.csv").write_text('"validation, epoch 0",yes,no\nyes,5,1\nno,0,7\n')
        (folder / "curves.csv").write_text("epoch,step,loss\n0,100,2\n1,200,1\n")
        page.get_by_role("heading", name="Confusion matrix: validation, epoch 0").wait_for(
            timeout=PATIENCE_MS
        )
        for label in ("loss: job 45: 1 at last", "Confusion matrix: validation, epoch 0: 12 of 13 right"):
            figure = page.locator(f"[aria-label='{label}']")
            figure.scroll_into_view_if_needed(timeout=PATIENCE_MS)
            assert figure.locator("canvas").count() > 0


def test_a_command_is_copied_by_a_click(chromium: Chromium, url: str) -> None:
    with chromium.page() as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(f"{url}/experiments/1")
        page.click("[data-copy^=command]")
        page.wait_for_selector("text=Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("python train.py trainer.gpus=1 scheduler.max_lr=")


def test_a_file_fills_the_csv_field(chromium: Chromium, url: str) -> None:
    with chromium.page() as page:
        page.goto(f"{url}/experiments/1/add-data")
        content = b"max_lr,accuracy\n0.1,0.9\n"
        page.set_input_files("[data-into]", {"name": "a.csv", "mimeType": "text/csv", "buffer": content})
        expect(page.locator("#csv")).to_have_value(content.decode())


def test_marked_jobs_come_into_one_picture(chromium: Chromium, url: str) -> None:
    with chromium.page() as page:
        page.goto(f"{url}/experiments/1/history")
        page.wait_for_selector("tbody tr")
        page.fill("input[name=filter]", "accuracy > 0.9")
        boxes = page.locator("tbody input[type=checkbox]")
        numbers = [boxes.nth(index).get_attribute("value") for index in (0, 1)]
        for index in (0, 1):
            boxes.nth(index).check()
        page.click("text=Learning curves of the marked")
        page.wait_for_url(re.compile(r"/curves\?job="))
        for number in numbers:
            assert page.locator(f"main a[href$='/jobs/{number}']").count() == 1


def test_a_page_says_that_the_dashboard_went_away_and_comes_back(chromium: Chromium, url: str) -> None:
    with chromium.page(expected=("ERR_FAILED", "Failed to load")) as page:
        page.goto(f"{url}/experiments/1")
        page.route("**/updated.json*", lambda route: route.abort())
        page.wait_for_selector("#trouble:not([hidden])", timeout=PATIENCE_MS)
        assert "does not answer" in text_of(page, "#trouble")
        page.unroute("**/updated.json*")
        page.wait_for_selector("#trouble", state="hidden", timeout=PATIENCE_MS)


def test_an_experiment_that_comes_to_exist_is_shown_by_itself(
    chromium: Chromium, url: str, search: BoundApiResource, connect: Connect, store_of_example: str
) -> None:
    with chromium.page(expected=("404",)) as page:
        page.goto(f"{url}/experiments/2")
        assert "no experiment 2" in text_of(page, "main")
        connect(store_of_example).experiments().create(**{**DEFINITION, "name": "the second"})
        page.wait_for_selector("text=the second", timeout=PATIENCE_MS)
