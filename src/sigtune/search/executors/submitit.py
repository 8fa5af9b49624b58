"""Runs through submitit: on a Slurm cluster, or each in a process of its own on this machine.

A Slurm job that is preempted is queued again by submitit itself, or by Slurm (`SubmittedRun.checkpoint` in
payload.py): with the same job ID, and as the same attempt. Until it has ended it is still there.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
from submitit.core.utils import FailedJobError, JobPaths, UncompletedJobError

from sigtune.job.attempt import has_begun
from sigtune.job.metric_values import failure_reason
from sigtune.job.outcome import Outcome
from sigtune.job.output import OUTPUT_NAME
from sigtune.search.executors.last_words import with_last_words
from sigtune.search.executors.payload import RemoteRun, SubmittedRun, pack_app
from sigtune.search.executors.protocol import Launch, Lost, RunResult
from sigtune.search.executors.slurm_states import JobState, SlurmStates
from sigtune.search.executors.slurm_submissions import Submissions
from sigtune.search.jobs import Run

_END_SECONDS = 10.0


@dataclass
class _Submission:
    run: Run
    job: Any
    ended: float | None = None  # when the cluster first said so, by the monotonic clock


class _SubmititExecutor:
    """A submitit job for each run, with the options of the user's launcher."""

    in_process = False
    _cluster: str
    _look_seconds: float  # how long between two looks at the jobs

    def __init__(self, launch: Launch, slots: int) -> None:
        self.slots = slots
        self._launch = launch
        self._app = pack_app(launch)
        # Both submitit and slurmd start a job before they make a folder with its ID (%j) in its name, and a
        # job that comes before its folder ends without a word.
        self._folder = JobPaths.get_first_id_independent_folder(launch.options["submitit_folder"])
        self._folder.mkdir(parents=True, exist_ok=True)
        self._executor = self._make_executor()
        self._running: list[_Submission] = []
        self._next_look = 0.0

    def _make_executor(self) -> Any:
        # submitit names an option of one kind of cluster with that cluster's name before it.
        common = BaseQueueConf.__dataclass_fields__
        options = {
            name if name in common else f"{self._cluster}_{name}": value
            for name, value in self._launch.options.items()
            if name not in ("_target_", "submitit_folder", "max_num_timeout")
        }
        requeues = {
            f"{self._cluster}_{name}": value
            for name, value in self._launch.options.items()
            if name == "max_num_timeout"
        }
        executor = submitit.AutoExecutor(folder=self._folder, cluster=self._cluster, **requeues)
        executor.update_parameters(**options)
        return executor

    def submit(self, run: Run) -> None:
        """Submit the run."""
        self._running.append(self._submitted(run))

    def _submitted(self, run: Run) -> _Submission:
        job = self._executor.submit(self._submitted_run(run))
        self._launch.submitted(run, str(job.job_id))
        return _Submission(run, job)

    def _submitted_run(self, run: Run) -> SubmittedRun:
        return SubmittedRun(RemoteRun(self._app, run, self._launch.folder(run)))

    def wait(self, seconds: float) -> list[tuple[Run, RunResult]]:
        """Look at the jobs now and then until one has ended."""
        deadline = time.monotonic() + seconds
        while True:
            ended = self._look() if time.monotonic() >= self._next_look else []
            now = time.monotonic()
            if ended or now >= deadline:
                return ended
            time.sleep(max(0.0, min(deadline, self._next_look) - now))

    def _look(self) -> list[tuple[Run, RunResult]]:
        """Return the runs that have ended, and watch them no longer."""
        results = [(submission, self._result(submission)) for submission in self._done()]
        ended = [submission for submission, result in results if result is not None]
        self._running = [submission for submission in self._running if submission not in ended]
        self._next_look = time.monotonic() + self._look_seconds
        return [(submission.run, result) for submission, result in results if result is not None]

    def _done(self) -> list[_Submission]:
        raise NotImplementedError

    def _result(self, submission: _Submission) -> RunResult | None:
        raise NotImplementedError

    def _returned(self, submission: _Submission) -> RunResult | None:
        """Return what the run handed to submitit, or left in its folder."""
        file: Path = submission.job.paths.result_pickle
        if not file.exists():  # `job.result` would wait for it
            return self._launch.outcome_of(submission.run)
        result: RunResult
        try:
            name, result = submission.job.result()
        except (FailedJobError, UncompletedJobError) as error:
            reason = with_last_words(failure_reason(error), self._logs(submission))
            return self._launch.outcome_of(submission.run) or Outcome(reason=reason)
        if name == self._submitted_run(submission.run).name:
            return result
        file.unlink(missing_ok=True)  # of an earlier job of this ID, and in the way of this one's
        return self._launch.outcome_of(submission.run)

    def _logs(self, submission: _Submission) -> list[Path]:
        paths: JobPaths = submission.job.paths
        return [self._launch.folder(submission.run) / OUTPUT_NAME, paths.stderr]

    def close(self, now: bool) -> None:
        """Cancel what still runs; without `now` nothing does."""
        for submission in self._running if now else ():
            submission.job.cancel(check=False)


class LocalExecutor(_SubmititExecutor):
    """Each run in a process of its own on this machine: `hydra/launcher=submitit_local`.

    A run has ended when its process has: only then are its memory and its GPU free for the next.
    """

    _cluster = "local"
    _look_seconds = 0.1

    def _done(self) -> list[_Submission]:
        return [submission for submission in self._running if submission.job.done()]

    def _result(self, submission: _Submission) -> RunResult:
        # This machine is not a cluster that loses jobs: a process that is gone was ended by its job.
        reason = f"its process ended as {submission.job.state}"
        died = Outcome(reason=with_last_words(reason, self._logs(submission)), attempt=submission.run.attempt)
        return self._returned(submission) or died

    def close(self, now: bool) -> None:
        """End what still runs, with `now`, and wait for it to have ended."""
        super().close(now)
        deadline = time.monotonic() + _END_SECONDS
        while now and not all(entry.job.done() for entry in self._running) and time.monotonic() < deadline:
            time.sleep(self._look_seconds)

    def reattach(self, run: Run, handle: str) -> bool:
        """Return False: the run of a dead sweep is known by the lock that it holds on its folder."""
        return False


class SlurmExecutor(_SubmititExecutor):
    """Each run as a job of Slurm: `hydra/launcher=submitit_slurm`.

    A job hands its result over in a file. One whose file is not there is asked about, at longer intervals.
    """

    _cluster = "slurm"
    _look_seconds = 1.0
    _ask_seconds = 5.0
    # A job that ended may be about to be queued again, or its file still on its way over the network.
    _grace_seconds = 5.0

    def __init__(self, launch: Launch, slots: int) -> None:
        super().__init__(launch, slots)
        self._submissions = Submissions(self._submitted, launch.retry_seconds)
        self._states = SlurmStates()
        self._ended: dict[str, JobState] = {}
        self._next_ask = 0.0

    def submit(self, run: Run) -> None:
        """Submit the run without waiting for sbatch."""
        self._submissions.start(run)

    def close(self, now: bool) -> None:
        """Cancel what still runs, with `now`, and what is being submitted."""
        self._running += self._submissions.close()
        super().close(now)

    def _done(self) -> list[_Submission]:
        self._running += self._submissions.done()
        files = {entry.name for entry in os.scandir(self._folder)}
        self._ask(files)
        return [
            submission
            for submission in self._running
            if submission.job.paths.result_pickle.name in files or self._is_over(submission)
        ]

    def _ask(self, files: set[str]) -> None:
        """Ask Slurm about the jobs whose results are not there."""
        now = time.monotonic()
        silent = [entry for entry in self._running if entry.job.paths.result_pickle.name not in files]
        if not silent or now < self._next_ask:
            return
        self._next_ask = now + self._ask_seconds
        states = self._states.ask([str(submission.job.job_id) for submission in silent])
        for submission in silent:
            state = states.get(str(submission.job.job_id))
            if state is None:
                continue
            submission.ended = None if state.is_live else submission.ended or now
            self._ended[str(submission.job.job_id)] = state

    def _is_over(self, submission: _Submission) -> bool:
        return submission.ended is not None and time.monotonic() >= submission.ended + self._grace_seconds

    def _result(self, submission: _Submission) -> RunResult | None:
        returned = self._returned(submission)
        if returned is not None or not self._is_over(submission):
            return returned
        run, job = submission.run, str(submission.job.job_id)
        state = self._states.details(job, self._ended[job])
        reason = with_last_words(f"Slurm job {job} {state}", self._logs(submission))
        if state.is_lost or not has_begun(self._launch.folder(run), run.attempt):
            submission.job.cancel(check=False)  # lest Slurm runs it besides the next attempt
            return Lost(reason)
        return Outcome(reason=reason, attempt=run.attempt)

    def reattach(self, run: Run, handle: str) -> bool:
        """Watch a job by its job ID, unless the cluster has lost it, or an ended sweep cancelled it."""
        if not handle:
            return False
        job: Any = submitit.SlurmJob(folder=self._folder, job_id=handle)
        state = self._states.ask([handle]).get(handle)
        if state is not None and not state.is_live and self._states.details(handle, state).is_lost:
            return False
        self._running.append(_Submission(run, job))
        return True
