"""Runs that are submitted several at once."""

from concurrent.futures import wait

import pytest

from sigtune.errors import Problem
from sigtune.search.executors.protocol import SubmissionRefusedError
from sigtune.search.executors.slurm_submissions import Submissions
from sigtune.search.jobs import Job, Run


def test_what_was_submitted_beside_a_refused_run_is_still_there_to_be_cancelled() -> None:
    def submit(run: Run) -> int:
        if run.slot == 1:
            raise SubmissionRefusedError([Problem("hydra.launcher", "Slurm refuses the job")])
        return run.slot

    submissions = Submissions(submit, retry_seconds=0)
    for slot in (1, 2, 3):
        submissions.start(Run(Job(slot, str(slot), {}, []), 0, 1, slot))
    wait(submissions._under_way)
    with pytest.raises(SubmissionRefusedError):
        submissions.done()
    assert sorted(submissions.close()) == [2, 3]
