"""The report of an experiment: one HTML file, and pictures."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from sigtune.report.content import MOST_CELLS, Background, report_content
from sigtune.report.html import STATIC, report_html
from sigtune.report.results import NumberedObservation, Results
from sigtune.report.write import write_report
from tests.report.conftest import Observe

HOSTILE = "<script>alert(1)</script>"


def test_the_report_is_one_file_that_asks_for_nothing_from_elsewhere(
    observe: Observe, tmp_path: Path
) -> None:
    [report, *_] = write_report(tmp_path, observe(0.5, None, 0.25), Background())
    text = report.read_text(encoding="utf-8")
    own = text.replace((STATIC / "echarts.min.js").read_text(encoding="utf-8"), "")
    assert re.findall(r"\b(?:src|href)\s*=|@import|https?://", own) == []
    assert report.stat().st_size < 2_000_000
    assert not list(tmp_path.glob(".*"))


def test_names_and_errors_stay_text(observe: Observe) -> None:
    results = observe(0.5, None, name=f"{HOSTILE}&amp;", metrics=[{"name": "score"}])
    background = Background(facts=[("project", HOSTILE)], commands={1: f"python train.py x={HOSTILE}"})
    text = report_html(report_content(results, background))
    assert HOSTILE not in text
    assert "<b>gelu" not in text
    assert "<title>&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp; · sigtune</title>" in text
    [content] = re.findall(r'<script type="application/json" id="content">(.*?)</script>', text, re.DOTALL)
    shown = json.loads(content)
    assert (shown["title"], shown["failures"][0]["reason"]) == (f"{HOSTILE}&amp;", HOSTILE)
    assert shown["best"] == [{"number": 1, "command": f"python train.py x={HOSTILE}"}]


def test_an_experiment_without_observations_has_a_report(observe: Observe, tmp_path: Path) -> None:
    content = report_content(observe(), Background())
    assert (content["sections"], content["explorer"], content["best"]) == ([], None, [])
    assert [path.name for path in write_report(tmp_path, observe(), Background())] == ["report.html"]


def test_a_search_that_only_failed_has_a_report(observe: Observe, tmp_path: Path) -> None:
    results = observe(None, None)
    assert ("observations", "2 of 20, 2 failed") in report_content(results, Background())["facts"]
    write_report(tmp_path, results, Background())


def test_the_report_has_the_learning_curves_of_the_best_jobs_and_the_best_ones_confusion_matrix(
    observe: Observe, tmp_path: Path
) -> None:
    results = observe(0.25, 0.5)
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "curves.csv").write_text(
            f"epoch,loss,score\n0,1,{number}\n1,0.5,{number}\n"
        )
        (tmp_path / str(number) / "confusion.csv").write_text(f"validation,yes\nyes,{number}\n")
    folders = {number: tmp_path / str(number) for number in (1, 2)}
    sections = {
        each["title"]: each["figures"]
        for each in report_content(results, Background(folders=folders))["sections"]
    }
    score, loss = sections["Learning curves"]
    assert (score["metric"], loss["metric"]) == ("score", "loss")  # the experiment's own metrics first
    assert [line["label"] for line in score["lines"]] == ["job 2", "job 1"]
    assert [figure["counts"] for figure in sections["Best job"]] == [[[2]]]


def test_ten_thousand_observations_stay_below_two_megabytes(observe: Observe, tmp_path: Path) -> None:
    few = observe(0.123456, 0.234567)
    observations = tuple(
        NumberedObservation(
            {"lr": 0.001 + number / 3e4, "layers": number % 4 + 1, "kind": "relu"},
            {"score": number / 3e4},
            number=number,
            id=str(number),
            job=number,
        )
        for number in range(1, 10_001)
    )
    [report, *_] = write_report(tmp_path, Results("large", few.definition, observations), Background())
    assert report.stat().st_size < 2_000_000
    assert 4 * len(observations) * 2 > MOST_CELLS


def test_pictures_are_written_where_matplotlib_is_and_left_out_where_it_is_not(
    observe: Observe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = observe(0.5, None, 0.25, metrics=[{"name": "score", "objective": "minimize"}])
    names = ["report.html", "history.png", "parallel_coordinates.png"]
    written = write_report(tmp_path, results, Background())
    assert [path.name for path in written] == names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written[1:])
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    assert [path.name for path in write_report(tmp_path, results, Background())] == ["report.html"]


def test_the_chart_library_is_the_release_that_the_readme_names() -> None:
    digest = hashlib.sha256((STATIC / "echarts.min.js").read_bytes()).hexdigest()
    text = (STATIC / "README.md").read_text()
    assert digest in text
    [version] = re.findall(r"Apache ECharts (\S+),", text)
    assert f'version="{version}"' in (STATIC / "echarts.min.js").read_text(encoding="utf-8")
