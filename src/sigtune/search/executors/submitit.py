"""Runs through submitit: on a Slurm cluster, or each in a process of its own on this machine.

A Slurm job that is preempted is submitted again by submitit itself (`RemoteRun.checkpoint` in payload.py),
and goes on from its last checkpoint; until then it is still there.
"""

from __future__ import annotations

import time
from typing import Any

import submitit
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
from submitit.core.utils import FailedJobError, JobPaths, UncompletedJobError

from sigtune.job.outcome import Outcome, read_outcome
from sigtune.search.executors.payload import remote_run
from sigtune.search.executors.protocol import Launch, RunResult
from sigtune.search.jobs import Run

_POLL_SECONDS = 0.1


class _SubmititExecutor:
    """A submitit job for each run, with the options of the user's launcher."""

    in_process = False
    _cluster: str

    def __init__(self, launch: Launch, slots: int) -> None:
        self.slots = slots
        self._launch = launch
        self._folder = self._log_folder(launch.options["submitit_folder"])
        self._executor = self._make_executor()
        self._running: list[tuple[Run, Any]] = []

    def _log_folder(self, configured: str) -> str:
        return configured

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

    def submit(self, run: Run) -> str:
        """Submit the run; the handle is the job ID of the cluster."""
        job = self._executor.submit(remote_run(self._launch, run))
        self._running.append((run, job))
        return str(job.job_id)

    def wait(self, seconds: float) -> list[tuple[Run, RunResult]]:
        """Ask about the jobs until one has ended."""
        deadline = time.monotonic() + seconds
        while True:
            ended = [(run, job) for run, job in self._running if self._has_ended(run, job)]
            if ended or time.monotonic() >= deadline:
                break
            time.sleep(_POLL_SECONDS)
        self._running = [entry for entry in self._running if entry not in ended]
        return [(run, self._result(run, job)) for run, job in ended]

    def _has_ended(self, run: Run, job: Any) -> bool:
        return bool(job.done())

    def _result(self, run: Run, job: Any) -> RunResult:
        in_folder = self._launch.result_in_folder(run, f"its submitit job {job.job_id} ended as {job.state}")
        if isinstance(in_folder, Outcome) or not job.paths.result_pickle.exists():
            return in_folder  # without the file `job.result` would wait for it
        try:
            result: RunResult = job.result()
        except (FailedJobError, UncompletedJobError):
            return in_folder
        return result

    def close(self, now: bool) -> None:
        """Cancel what still runs; without `now` nothing does."""
        for _, job in self._running if now else ():
            job.cancel()


class LocalExecutor(_SubmititExecutor):
    """Each run in a process of its own on this machine: `hydra/launcher=submitit_local`.

    A run has ended when its process has: only then are its memory and its GPU free for the next.
    """

    _cluster = "local"

    def _log_folder(self, configured: str) -> str:
        # submitit starts a local job before it makes a folder with the job's ID (%j) in its name; a job that
        # comes before its folder ends without a word.
        return str(JobPaths.get_first_id_independent_folder(configured))

    def reattach(self, run: Run, handle: str) -> bool:
        """Return False: the run of a dead sweep is known by the lock that it holds on its folder."""
        return False


class SlurmExecutor(_SubmititExecutor):
    """Each run as a job of Slurm: `hydra/launcher=submitit_slurm`."""

    _cluster = "slurm"

    def _has_ended(self, run: Run, job: Any) -> bool:
        # Slurm is slow to tell; the outcome in the run's folder is there at once.
        return read_outcome(self._launch.folder(run)) is not None or super()._has_ended(run, job)

    def reattach(self, run: Run, handle: str) -> bool:
        """Watch a job that is still queued or running, by its job ID."""
        if not handle:
            return False
        job: Any = submitit.SlurmJob(folder=self._folder, job_id=handle)
        if job.done(force_check=True):
            return False
        self._running.append((run, job))
        return True
