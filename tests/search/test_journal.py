"""The journal of a sweep, written line by line and read by the sweep that resumes it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigtune.job.outcome import Outcome
from sigtune.report.journal_events import JOURNAL_NAME
from sigtune.search.jobs import Job, combine
from sigtune.search.journal import Journal


def job(number: int, repeats: Sequence[Sequence[str]] = ((),)) -> Job:
    return Job(number, str(10 + number), {"x": 0.5}, ["x=0.5"], repeats)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path)
    journal.begin("7")
    return journal


def test_a_later_journal_reads_what_was_written(journal: Journal) -> None:
    journal.add(job(1))
    journal.add(job(2))
    run = journal.begin_attempt(replace(job(1).runs()[0], slot=2))
    journal.mark_submitted(run, "4711")
    journal.mark_reported(1)
    later = Journal(journal.folder)
    assert (later.experiment_id, later.sweep_id) == ("7", journal.sweep_id)
    assert [entry.suggestion for entry in later.unreported()] == ["12"]
    assert later.next_number() == 3
    assert later.handle(job(1).runs()[0]) == "4711"
    assert (later.attempt(run), later.slot(run)) == (1, 2)
    assert later.handle(job(2).runs()[0]) == ""


def test_the_slot_of_a_run_that_an_older_release_started_is_not_known(journal: Journal) -> None:
    journal.add(job(1))
    with (journal.folder / JOURNAL_NAME).open("a") as file:
        file.write('{"event": "started", "number": 1, "run": 0, "attempt": 3}\n')
    later = Journal(journal.folder)
    run = job(1).runs()[0]
    assert (later.attempt(run), later.slot(run)) == (3, 0)


def test_a_line_that_a_crash_cut_short_did_not_happen_and_the_next_one_is_whole(journal: Journal) -> None:
    journal.add(job(1))
    path = journal.folder / JOURNAL_NAME
    whole = path.read_text()
    path.write_text(whole + '{"event": "reported", "num')
    later = Journal(journal.folder)
    assert [entry.number for entry in later.unreported()] == [1]
    later.mark_reported(1)
    assert Journal(journal.folder).unreported() == []
    assert path.read_text() == whole + '{"event": "reported", "number": 1}\n'


TEXT = st.text(max_size=20)
JOBS = st.builds(
    Job,
    number=st.integers(1, 9),
    suggestion=TEXT,
    assignments=st.dictionaries(TEXT, st.floats(allow_nan=False) | st.integers() | TEXT, max_size=3),
    overrides=st.lists(TEXT, max_size=3),
    repeats=st.lists(st.lists(TEXT, max_size=2), min_size=1, max_size=3),
)


@given(jobs=st.lists(JOBS, min_size=1, max_size=6), data=st.data())
def test_a_journal_cut_at_any_byte_has_every_complete_line_and_is_written_on(
    tmp_path_factory: pytest.TempPathFactory, jobs: list[Job], data: st.DataObject
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"))
    journal.begin("7")
    for entry in jobs:
        journal.add(entry)
        journal.mark_submitted(entry.runs()[0], entry.suggestion)
    path = journal.folder / JOURNAL_NAME
    content = path.read_bytes()
    kept = content[: data.draw(st.integers(0, len(content)), label="cut")]
    path.write_bytes(kept)
    complete = kept.count(b"\n")
    expected = {entry.number: entry for entry in jobs[: complete // 2]}  # after the first line, two a job
    cut = Journal(journal.folder)
    assert cut.experiment_id == ("7" if complete else None)
    assert cut.jobs == expected
    cut.mark_reported(1)
    later = Journal(journal.folder)
    assert later.jobs == expected
    assert [entry.number for entry in later.unreported()] == sorted(expected.keys() - {1})
    assert path.read_bytes().count(b"\n") == complete + 1


def test_each_sweep_has_a_name_of_its_own(tmp_path: Path, journal: Journal) -> None:
    other = tmp_path / "other"
    other.mkdir()
    another = Journal(other)
    another.begin("7")
    assert another.sweep_id != journal.sweep_id


def test_the_runs_of_a_repeated_job_have_folders_below_the_jobs(journal: Journal) -> None:
    single, repeated = job(3), job(4, (("seed=1",), ("seed=2",)))
    assert [run.subdir for run in (*single.runs(), *repeated.runs())] == ["3", "4/1", "4/2"]
    assert repeated.runs()[1].overrides == ["x=0.5", "seed=2", "hydra.sweep.subdir='4/2'"]


def test_repeats_come_to_their_mean_and_the_standard_deviation_of_the_sample() -> None:
    result = combine([Outcome({"a": 1.0}, seconds=2), Outcome({"a": 2.0}, seconds=3), Outcome({"a": 6.0})])
    assert result.values == {"a": 3.0}
    assert result.deviations["a"] == pytest.approx(7**0.5)
    assert result.seconds == 5


def test_a_single_run_has_no_standard_deviation_and_a_failed_run_fails_the_job() -> None:
    assert combine([Outcome({"a": 1.0})]).deviations == {}
    failed = combine([Outcome({"a": 1.0}), Outcome(reason="out of memory")])
    assert failed.values is None
    assert failed.reason == "out of memory"
