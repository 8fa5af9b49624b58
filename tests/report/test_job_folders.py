"""The folders of jobs, as `sigtune report` finds them in that of a search."""

from pathlib import Path

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.report.job_folders import job_folders
from sigtune.report.results import NumberedObservation, Results
from sigtune.search.jobs import Job
from sigtune.search.journal import Journal


def test_jobs_are_found_by_their_numbers_or_by_the_names_that_the_journal_has(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(Job(1, "1", {}, []))
    journal.add(Job(2, "2", {}, [], subdir="x=0.5"))
    journal.add(Job(3, "3", {}, [], subdir="gone"))
    (tmp_path / "1").mkdir()
    (tmp_path / "x=0.5").mkdir()
    observations = [NumberedObservation({}, {}, number=number + 6, job=number) for number in (1, 2, 3)]
    results = Results("a", ExperimentDefinition((), ()), tuple(observations))
    assert job_folders(tmp_path, results) == {7: tmp_path / "1", 8: tmp_path / "x=0.5"}
