"""`hydra.sweep.subdir`: the folders of jobs have the names that it gives them, or it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigtune.errors import DamagedFileError, UsageError
from sigtune.job.attempt import write_attempt
from sigtune.report.journal_events import JOURNAL_NAME
from sigtune.search.job_folders import is_below
from sigtune.search.jobs import Job
from sigtune.search.journal import Journal

from .sweep_app import SweepApp, labelled

BY_OVERRIDES = "hydra.sweep.subdir=${hydra.job.num}_${hydra.job.override_dirname}"


def outcomes(app: SweepApp) -> set[str]:
    return {str(path.parent.relative_to(app.sweep_dir)) for path in app.sweep_dir.rglob("outcome.json")}


def test_a_job_has_the_folder_that_is_composed_for_it_and_keeps_it_when_the_search_goes_on(
    app: SweepApp,
) -> None:
    short = "hydra.job.config.override_dirname.exclude_keys=[seed]"
    first = app.run(BY_OVERRIDES, short, "label=b", "sigopt.repeats=2", "sigopt.observation_budget=1")
    assert first.returncode == 0, first.stderr
    assert outcomes(app) == {"1_label=b,x=1.0/1", "1_label=b,x=1.0/2"}
    assert labelled(first.stdout, "best")[0].endswith("sweep/1_label=b,x=1.0")
    other_names = ("hydra.sweep.subdir=${label}/${hydra:job.num}", "label=b", "sigopt.observation_budget=2")
    second = app.run(*other_names, "sigopt.repeats=2", "sigopt.experiment_id=1")
    assert second.returncode == 0, second.stderr
    assert outcomes(app) == {"1_label=b,x=1.0/1", "1_label=b,x=1.0/2", "b/2/1", "b/2/2"}
    assert Journal(app.sweep_dir).job_folder(1) == app.sweep_dir / "1_label=b,x=1.0"


@pytest.mark.parametrize(
    ("subdir", "reason"),
    [
        ("fixed", "gives every job the folder fixed"),
        ("../${hydra.job.num}", "leads to ../1, not below the folder of the search"),
        ("${oc.env:HOME}/${hydra.job.num}", "not below the folder of the search"),
        ("${nothing}", "Interpolation key 'nothing' not found"),
        ("${hydra.job.num}_" + "long" * 99, "is longer than 255 bytes"),
    ],
)
def test_a_name_that_no_job_could_have_is_refused(app: SweepApp, subdir: str, reason: str) -> None:
    result = app.run(f"hydra.sweep.subdir={subdir}")
    assert result.returncode == 2
    (problem,) = (line for line in result.stderr.splitlines() if "hydra.sweep.subdir" in line)
    assert reason in problem
    assert not app.sweep_dir.exists()


def test_a_second_job_of_one_name_is_refused_and_runs_under_another(app: SweepApp) -> None:
    search = ("label=choice(a,b)", "x=3", "sigopt.parameters=[]", "sigopt.observation_budget=3")
    refused = app.run("hydra.sweep.subdir=is_${label}", *search)
    assert refused.returncode == 2
    assert "hydra.sweep.subdir  gives job 3 the folder is_" in refused.stderr
    assert len(outcomes(app)) == 2
    resumed = app.run("hydra.sweep.subdir=${label}_${hydra.job.num}", *search, "sigopt.experiment_id=1")
    assert resumed.returncode == 0, resumed.stderr
    assert len(app.observations()) == 3
    assert app.open_suggestions() == []


def job(number: int, subdir: str | None) -> Job:
    return Job(number, str(number), {}, [], subdir=subdir)


def test_a_folder_in_which_a_job_ran_that_is_in_no_journal_is_not_given_to_another(tmp_path: Path) -> None:
    write_attempt(tmp_path / "2", 1)
    write_attempt(tmp_path / "named", 1)
    journal = Journal(tmp_path)
    assert journal.next_number() == 3
    with pytest.raises(UsageError, match="in no journal"):
        journal.add(job(3, "named"))


@pytest.mark.parametrize(("taken", "folder"), [("a", "a"), ("a", "a/b"), ("a/b", "a"), (None, "1/2")])
def test_a_folder_is_not_shared_and_not_inside_another(
    tmp_path: Path, taken: str | None, folder: str
) -> None:
    journal = Journal(tmp_path)
    journal.add(job(1, taken))
    with pytest.raises(UsageError, match="gives job 2 the folder"):
        journal.add(job(2, folder))
    journal.add(job(2, "ab"))


@pytest.mark.parametrize("folder", ["..", "a/../..", "/tmp", ".", ""])
def test_a_folder_outside_the_searchs_is_not_read_from_a_journal(tmp_path: Path, folder: str) -> None:
    assert not is_below(folder)
    journal = Journal(tmp_path)
    journal.add(job(1, "inside"))
    path = tmp_path / JOURNAL_NAME
    path.write_text(path.read_text().replace('"inside"', f'"{folder}"'))
    with pytest.raises(DamagedFileError):
        Journal(tmp_path)
