"""The folder of a search on this machine: shown where it is the experiment's own, and nothing outside it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from sigopt.resource import BoundApiResource

from sigtune.job.outcome import Outcome, running_lock, write_outcome
from sigtune.search.folder import SweepFolder
from sigtune.search.jobs import Job
from sigtune.search.journal import Journal
from tests.dashboard.running import Visitor, text_of

SECRET = "a secret of somebody else"


@pytest.fixture
def folder(search: BoundApiResource, tmp_path: Path) -> Path:
    """The folder of a search with a job that was observed, one that failed, and one that runs."""
    folder = tmp_path / "sweep"
    folder.mkdir()
    search.update(metadata={"sweep_dir": str(folder)})
    journal = Journal(folder)
    journal.begin("1")
    for number, (x, kind) in enumerate(((0.1, "a"), (0.2, "b"), (0.3, "a")), start=1):
        assignments = {"x": x, "kind": kind}
        suggestion = search.suggestions().create(assignments=assignments)
        job = Job(number, str(suggestion.id), assignments, [f"optimizer.lr={x}", f"model={kind} net"])
        journal.add(job)
        run = journal.begin_attempt(replace(job.runs()[0], slot=number))
        run_folder = journal.run_folder(run)
        (run_folder / ".hydra").mkdir(parents=True)
        (run_folder / ".hydra" / "config.yaml").write_text(
            f"optimizer:\n  lr: {x}\nsigopt:\n  experiment_class: mine.Experiment\n"
        )
        (run_folder / ".hydra" / "overrides.yaml").write_text(f"- optimizer.lr={x}\n")
        (run_folder / ".hydra" / "hydra.yaml").write_text("hydra:\n  job:\n    name: speech\n")
        (run_folder / "speech.log").write_text(f"epoch 1 of job {number}\n")
        (run_folder / "attempt").write_text("1")
    write_outcome(folder / "1", Outcome({"score": 5.0}, seconds=61, attempt=1))
    write_outcome(folder / "2", Outcome(reason="loss became NaN", seconds=2, attempt=1))
    (folder / "2" / "error.log").write_text("Traceback: loss became NaN")
    (folder / "1" / "metrics").mkdir()
    (folder / "1" / "metrics" / "metrics.csv").write_text("epoch,step,loss\n0,9,0.75\n1,19,0.5\n")
    (folder / "1" / "checkpoints").mkdir()
    (folder / "1" / "checkpoints" / "last.ckpt").write_bytes(b"weights")
    metadata = {"job": 1}
    value = {"name": "score", "value": 5}
    search.observations().create(suggestion=journal.jobs[1].suggestion, values=[value], metadata=metadata)
    failure = {"job": 2, "reason": "loss became NaN"}
    search.observations().create(suggestion=journal.jobs[2].suggestion, failed=True, metadata=failure)
    return folder


def test_the_best_has_the_command_that_trains_it_again(visitor: Visitor, folder: Path) -> None:
    shown = text_of(visitor.get("/experiments/1"))
    assert "python speech.py optimizer.lr=0.1 'model=a net'" in shown
    assert str(folder / "1" / "checkpoints" / "last.ckpt") in shown


def test_an_observation_opens_its_job_with_all_that_it_left(visitor: Visitor, folder: Path) -> None:
    shown = text_of(visitor.get("/experiments/1/observations/4"))
    for part in ("Observation 4, job 1", "1 min 1 s", "lr: 0.1", "- optimizer.lr=0.1", "epoch 1 of job 1"):
        assert part in shown
    assert str(folder / "1") in shown
    curves = json.loads(visitor.get("/experiments/1/curves.json?job=1&metric=loss"))
    assert [(line["label"], line["x"], line["y"]) for line in curves["lines"]] == [
        ("job 1", [0, 1], [0.75, 0.5])
    ]
    assert "Traceback: loss became NaN" in visitor.get("/experiments/1/jobs/2")


def test_a_classifiers_job_has_its_confusion_matrices_and_the_command_that_tests_it(
    visitor: Visitor, folder: Path, tmp_path: Path
) -> None:
    assert json.loads(visitor.get("/experiments/1/jobs/1/confusion.json")) == []
    assert "evaluate" not in visitor.get("/experiments/1/jobs/1")
    (folder / "1" / "confusion.csv").write_text('"validation, epoch 1",yes,no\nyes,5,1\nno,0,7\n')
    (folder / "1" / "confusion_test.csv").write_text("test,yes,no\nyes,3,0\nno,1,4\n")
    figures = json.loads(visitor.get("/experiments/1/jobs/1/confusion.json"))
    assert [(figure["title"], figure["counts"]) for figure in figures] == [
        ("Confusion matrix: validation, epoch 1", [[5, 1], [0, 7]]),
        ("Confusion matrix: test", [[3, 0], [1, 4]]),
    ]
    command = f"python speech.py --config-name evaluate checkpoint={folder}/1/checkpoints/last.ckpt"
    assert command in text_of(visitor.get("/experiments/1/jobs/1"))
    (folder / "1" / "confusion.csv").rename(tmp_path / "confusion.csv")
    (folder / "1" / "confusion.csv").symlink_to(tmp_path / "confusion.csv")
    assert len(json.loads(visitor.get("/experiments/1/jobs/1/confusion.json"))) == 1


def test_the_version_changes_with_what_a_running_job_does_and_logs(visitor: Visitor, folder: Path) -> None:
    seen = [visitor.get("/experiments/1/updated.json")]
    with SweepFolder(folder):
        seen.append(visitor.get("/experiments/1/updated.json"))
        with running_lock(folder / "3"):
            seen.append(visitor.get("/experiments/1/updated.json"))
            (folder / "3" / "curves.csv").write_text("epoch,step,loss\n0,9,0.75\n")
            seen.append(visitor.get("/experiments/1/updated.json"))
            assert visitor.get("/experiments/1/updated.json") == seen[-1]
    assert len(set(seen)) == 4


def test_the_definition_has_the_class_that_the_search_used(visitor: Visitor, folder: Path) -> None:
    assert "experiment_class: mine.Experiment\n" in visitor.get("/experiments/1/definition.yaml")
    for config in folder.glob("*/.hydra/config.yaml"):
        config.write_text("sigopt: {experiment_class: 'of\\nlines'}")
    shown = visitor.get("/experiments/1/definition.yaml")
    assert "of\nlines" not in shown
    assert "# SigOpt does not know the experiment_class" in shown


def test_what_runs_now_is_told_from_what_was_left(visitor: Visitor, folder: Path) -> None:
    assert "job 3 stopped" in text_of(visitor.get("/experiments/1"))
    with SweepFolder(folder):
        assert "3 job 3 starts" in text_of(visitor.get("/experiments/1"))
        with running_lock(folder / "3"):
            assert "Slot Job State Since Assignments Where 3 job 3 runs" in text_of(
                visitor.get("/experiments/1")
            )
            shown = text_of(visitor.get("/experiments/1/jobs/3"))
            assert "not observed yet" in shown
            assert "runs in slot 3" in shown


def test_looking_at_a_running_job_takes_no_lock_from_it(visitor: Visitor, folder: Path) -> None:
    visitor.get("/experiments/1")
    with FileLock(folder / "3" / "running.lock", timeout=0):
        visitor.get("/experiments/1")


def test_a_folder_that_is_gone_is_said_so(visitor: Visitor, folder: Path) -> None:
    visitor.get("/experiments/1/jobs/1")
    folder.rename(folder.with_name("elsewhere"))
    assert "not on this machine, or not there any more" in visitor.get("/experiments/1/observations/4")
    assert "not on this machine" in visitor.get("/experiments/1/jobs/1", 404)
    assert "not on this machine" in visitor.get("/experiments/1/curves")
    assert "score 5" in text_of(visitor.get("/experiments/1"))


def test_the_folder_of_a_job_that_is_gone_is_said_so(visitor: Visitor, folder: Path) -> None:
    journal = Journal(folder)
    journal.mark_reported(1)
    shutil.rmtree(folder / "1")
    shown = text_of(visitor.get("/experiments/1/observations/4"))
    assert "state gone" in shown
    assert "The folder of this job is not there any more" in shown
    assert "python speech.py optimizer.lr=0.1" in shown


def test_a_folder_of_another_experiment_is_not_shown(visitor: Visitor, folder: Path) -> None:
    journal = folder / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"experiment": "1"', '"experiment": "2"'))
    visitor.get("/experiments/1/jobs/1", 404)


def test_a_journal_that_names_other_assignments_is_not_believed(visitor: Visitor, folder: Path) -> None:
    journal = folder / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"x": 0.1', '"x": 0.9'))
    assert "speech.py" not in visitor.get("/experiments/1")
    assert "No job of this search made it" in visitor.get("/experiments/1/observations/4")


def test_a_place_that_is_no_search_folder_is_not_shown(
    visitor: Visitor, folder: Path, search: BoundApiResource
) -> None:
    visitor.get("/experiments/1/jobs/1")
    for named in ("/", "/etc", "relative/sweep", "/nowhere", "~"):
        search.update(metadata={"sweep_dir": named})
        visitor.get("/experiments/1/jobs/1", 404)


def test_a_link_out_of_the_folder_is_not_followed(visitor: Visitor, folder: Path, tmp_path: Path) -> None:
    def assert_nothing_of_it_is_shown(what: str) -> None:
        shown = visitor.get("/experiments/1/jobs/1")
        assert SECRET not in shown, what
        assert "21 h" not in shown, what

    outside = tmp_path / "outside"
    (outside / ".hydra").mkdir(parents=True)
    job = folder / "1"
    for file in ("error.log", "speech.log", ".hydra/config.yaml", ".hydra/overrides.yaml", "outcome.json"):
        (outside / file).write_text(json.dumps({"reason": SECRET, "values": None, "seconds": 77777}))
        own = (job / file).read_bytes() if (job / file).exists() else None
        (job / file).unlink(missing_ok=True)
        (job / file).symlink_to(outside / file)
        assert_nothing_of_it_is_shown(f"a link {file}")
        (job / file).unlink()
        if own is not None:
            (job / file).write_bytes(own)
    job.rename(folder / "moved")
    job.symlink_to(outside)
    assert_nothing_of_it_is_shown("a link as the job's folder")


def test_metrics_behind_a_link_are_not_read(visitor: Visitor, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "metrics.csv").write_text("epoch,loss\n0,123\n")
    (folder / "3" / "metrics").symlink_to(tmp_path / "outside")
    assert "123" not in visitor.get("/experiments/1/curves.json?job=3&metric=loss")


def test_a_journal_behind_a_link_is_not_read(visitor: Visitor, folder: Path, tmp_path: Path) -> None:
    (folder / "journal.jsonl").rename(tmp_path / "journal.jsonl")
    (folder / "journal.jsonl").symlink_to(tmp_path / "journal.jsonl")
    visitor.get("/experiments/1/jobs/1", 404)


def test_a_pipe_in_the_place_of_a_file_does_not_hold_the_page_up(visitor: Visitor, folder: Path) -> None:
    (folder / "1" / "speech.log").unlink()
    os.mkfifo(folder / "1" / "speech.log")
    visitor.get("/experiments/1/jobs/1")


def test_an_app_whose_name_is_a_path_has_no_log(visitor: Visitor, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.log").write_text(SECRET)
    (folder / "1" / ".hydra" / "hydra.yaml").write_text("hydra:\n  job:\n    name: ../../secret\n")
    assert SECRET not in visitor.get("/experiments/1/jobs/1")


def test_a_job_number_that_is_none_opens_nothing(visitor: Visitor, folder: Path) -> None:
    for number in ("..", "%2e%2e", "1%2f..%2f..", "0", "-1", "1e0", "9" * 400):
        assert visitor.status_as_typed(f"/experiments/1/jobs/{number}") == 404, number


def test_a_damaged_journal_and_outcome_leave_a_page(visitor: Visitor, folder: Path) -> None:
    with (folder / "journal.jsonl").open("a") as file:
        file.write('{"event": "job", "job": 7}\n[1]\nnonsense\n{"event": "started", "number": 99}\n{"event"')
    (folder / "1" / "outcome.json").write_text("[nonsense")
    visitor.get("/experiments/1/jobs/1")
    visitor.get("/experiments/1")


def test_a_password_in_an_override_is_masked(visitor: Visitor, folder: Path) -> None:
    journal = folder / "journal.jsonl"
    secret = "sigopt.store=postgresql://me:hunter2@host/db"
    journal.write_text(journal.read_text().replace("optimizer.lr=0.1", secret))
    assert "hunter2" not in visitor.get("/experiments/1")


def test_a_job_in_a_folder_of_another_name_is_found_there(
    visitor: Visitor, search: BoundApiResource, folder: Path
) -> None:
    suggestion = search.suggestions().create(assignments={"x": 0.4, "kind": "a"})
    job = Job(4, str(suggestion.id), {"x": 0.4, "kind": "a"}, ["x=0.4"], subdir="by_x/x=0.4")
    journal = Journal(folder)
    journal.add(job)
    run = journal.begin_attempt(job.runs()[0])
    write_outcome(journal.run_folder(run), Outcome({"score": 4.0}, seconds=62, attempt=1))
    shown = text_of(visitor.get("/experiments/1/jobs/4"))
    assert str(folder / "by_x" / "x=0.4") in shown
    assert "1 min 2 s" in shown
