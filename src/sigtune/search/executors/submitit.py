"""Runs through submitit: on a Slurm cluster, or each in a process of its own on this machine.

A Slurm job that is preempted is queued again by submitit itself, or by Slurm (`SubmittedRun.checkpoint` in
payload.py): with the same job ID, and as the same attempt. Until it has ended it is still there.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
from submitit.core.utils import FailedJobError, JobPaths, UncompletedJobError

from sigtune.errors import UnwritableFileError
from sigtune.job.attempt import has_begun
from sigtune.job.metric_values import failure_reason
from sigtune.job.outcome import Outcome
from sigtune.job.output import OUTPUT_NAME
from sigtune.search.executors.last_words import with_last_words
from sigtune.search.executors.payload import RemoteRun, SubmittedRun, pack_app
from sigtune.search.executors.protocol import Launch, Lost, RunResult
from sigtune.search.executors.slurm_states import FORGOTTEN, JobState, SlurmStates
from sigtune.search.executors.slurm_submissions import Submissions
from sigtune.search.job_folders import is_below
from sigtune.search.jobs import Run

_END_SECONDS = 10.0
_GLANCE_SECONDS = 0.1


@dataclass
class _Submission:
    run: Run
    job: Any
    ended: float | None = None  # when the cluster first said so, by the monotonic clock
    state: JobState | None = None  # what the cluster said then
    is_forgotten: bool = False  # its job ID is another's now

    @property
    def name(self) -> str:
        """The name of the submission's own folder."""
        return str(self.job.paths.folder.name)


class _SubmititExecutor:
    """A submitit job for each run, with the options of the user's launcher."""

    in_process = False
    _cluster: str
    _look_seconds: float  # how long between two looks at the jobs

    def __init__(self, launch: Launch, slots: int) -> None:
        self.slots = slots
        self._launch = launch
        self._app = pack_app(launch)
        self._folder = JobPaths.get_first_id_independent_folder(launch.options["submitit_folder"])
        self._ended_folder = self._folder / "ended"
        self._parameters, self._requeues = self._executor_options()
        self._running: list[_Submission] = []
        self._next_look = 0.0

    def _executor_options(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the launcher's options as those of a submitit executor, and of its constructor."""
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
        return options, requeues

    def submit(self, run: Run) -> None:
        """Submit the run."""
        self._running.append(self._submitted(run))

    def _submitted(self, run: Run) -> _Submission:
        """Submit the run with a folder of its own for submitit's files.

        They have the job's ID in their names, and IDs come again: a controller of Slurm that died may have
        forgotten those that it gave last, and those of submitit_local are process IDs. A folder with the ID
        (%j) in its name would be made too late: submitit and slurmd start a job before it.
        Raises UnwritableFileError.
        """
        name = f"job{run.job.number}.run{run.index + 1}.attempt{run.attempt}."
        remote = RemoteRun(self._app, run, self._launch.folder(run))
        try:
            self._ended_folder.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=name, dir=self._folder))
            executor = submitit.AutoExecutor(folder=folder, cluster=self._cluster, **self._requeues)
            executor.update_parameters(**self._parameters)
            job = executor.submit(SubmittedRun(remote, self._ended_folder / folder.name))
        except OSError as error:
            raise UnwritableFileError(self._folder, error) from error
        self._launch.submitted(run, f"{folder.name}/{job.job_id}")
        return _Submission(run, job)

    def wait(self, seconds: float) -> list[tuple[Run, RunResult]]:
        """Look at the jobs now and then until one has ended."""
        deadline = time.monotonic() + seconds
        while True:
            ended = self._look() if time.monotonic() >= self._next_look or self._has_news() else []
            now = time.monotonic()
            if ended or now >= deadline:
                return ended
            time.sleep(max(0.0, min(deadline, self._next_look, now + _GLANCE_SECONDS) - now))

    def _look(self) -> list[tuple[Run, RunResult]]:
        """Return the runs that have ended, and watch them no longer."""
        results = [(submission, self._result(submission)) for submission in self._done()]
        ended = [submission for submission, result in results if result is not None]
        self._running = [submission for submission in self._running if submission not in ended]
        self._next_look = time.monotonic() + self._look_seconds
        return [(submission.run, result) for submission, result in results if result is not None]

    def _has_news(self) -> bool:
        """Return whether there is a reason to look before the time, which costs next to nothing to see."""
        return False

    def _done(self) -> list[_Submission]:
        raise NotImplementedError

    def _result(self, submission: _Submission) -> RunResult | None:
        raise NotImplementedError

    def _returned(self, submission: _Submission) -> RunResult | None:
        """Return what the run handed to submitit, or left in its folder."""
        file: Path = submission.job.paths.result_pickle
        if not file.exists():  # `job.result` would wait for it
            return self._launch.outcome_of(submission.run)
        try:
            result: RunResult = submission.job.result()
        except (FailedJobError, UncompletedJobError) as error:
            reason = with_last_words(failure_reason(error), self._logs(submission))
            return self._launch.outcome_of(submission.run) or Outcome(reason=reason)
        return result

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
        returned, run = self._returned(submission), submission.run
        if returned is not None:
            return returned
        if not has_begun(self._launch.folder(run), run.attempt):
            return Lost("its process ended before the job had begun", has_begun=False)
        reason = "its process was killed, or ended itself, and left no result"  # submitit keeps no exit code
        return Outcome(reason=with_last_words(reason, self._logs(submission)), attempt=run.attempt)

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

    A job that is done says so in one folder for all. One that has not is asked about, at longer intervals.
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
        self._next_ask = 0.0
        self._seen = 0  # the time of the last change that was looked at

    def submit(self, run: Run) -> None:
        """Submit the run without waiting for sbatch."""
        self._submissions.start(run)

    def close(self, now: bool) -> None:
        """Cancel what still runs, with `now`, and what is being submitted."""
        self._running += self._submissions.close()
        super().close(now)

    def _has_news(self) -> bool:
        # On a network's file system this may be seconds old: then the next look finds what is new.
        try:
            return self._ended_folder.stat().st_mtime_ns != self._seen
        except FileNotFoundError:  # nothing was submitted yet
            return False

    def _done(self) -> list[_Submission]:
        self._take_submissions()
        ended = self._read_ended()
        self._ask([submission for submission in self._running if submission.name not in ended])
        return [
            submission
            for submission in self._running
            if submission.name in ended or self._is_over(submission)
        ]

    def _read_ended(self) -> set[str]:
        try:
            self._seen = self._ended_folder.stat().st_mtime_ns
            return {entry.name for entry in os.scandir(self._ended_folder)}
        except FileNotFoundError:
            return set()

    def _take_submissions(self) -> None:
        for new in self._submissions.done():
            for earlier in self._running:
                if earlier.job.job_id == new.job.job_id:
                    earlier.is_forgotten, earlier.state, earlier.ended = True, FORGOTTEN, time.monotonic()
            self._running.append(new)

    def _ask(self, silent: Sequence[_Submission]) -> None:
        """Ask Slurm about the jobs that have not said that they are done."""
        now = time.monotonic()
        asked = [submission for submission in silent if not submission.is_forgotten]
        if not asked or now < self._next_ask:
            return
        self._next_ask = now + self._ask_seconds
        states = self._states.ask([str(submission.job.job_id) for submission in asked])
        for submission in asked:
            state = states.get(str(submission.job.job_id))
            if state is None:
                continue
            submission.ended = None if state.is_live else submission.ended or now
            submission.state = state

    def _is_over(self, submission: _Submission) -> bool:
        return submission.ended is not None and time.monotonic() >= submission.ended + self._grace_seconds

    def _result(self, submission: _Submission) -> RunResult | None:
        returned = self._returned(submission)
        if returned is not None or not self._is_over(submission):
            return returned
        run, job, state = submission.run, str(submission.job.job_id), submission.state
        assert state is not None
        if not submission.is_forgotten:
            state = self._states.details(job, state)
        begun = has_begun(self._launch.folder(run), run.attempt)
        what = f"Slurm job {job} {state}" + ("" if begun else f", {self._before_it_began(submission)}")
        reason = with_last_words(what, self._logs(submission))
        if not state.is_lost and begun:
            return Outcome(reason=reason, attempt=run.attempt)
        if not submission.is_forgotten:
            submission.job.cancel(check=False)  # lest Slurm runs it besides the next attempt
        return Lost(reason, begun)

    def _before_it_began(self, submission: _Submission) -> str:
        """Return that the job's program did not begin, and the likely reason where it left no log."""
        if submission.job.paths.stderr.exists():
            return "before its program began"
        return f"before its program began (does its node have the folder {self._folder}?)"

    def reattach(self, run: Run, handle: str) -> bool:
        """Watch a job by its job ID, unless the cluster has lost it, or an ended sweep cancelled it."""
        name, _, job_id = handle.rpartition("/")
        if not is_below(name):
            return False
        job: Any = submitit.SlurmJob(folder=self._folder / name, job_id=job_id)
        state = self._states.ask([job_id]).get(job_id)
        if state is not None and not state.is_live and self._states.details(job_id, state).is_lost:
            return False
        self._running.append(_Submission(run, job))
        return True
