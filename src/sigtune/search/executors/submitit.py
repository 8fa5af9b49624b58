"""Runs through submitit: on a Slurm cluster, or each in a process of its own on this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import submitit
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
from submitit.core.utils import JobPaths

from sigtune.job.outcome import read_outcome
from sigtune.search.executors.payload import remote_run
from sigtune.search.executors.protocol import Launch
from sigtune.search.jobs import Run

_POLL_SECONDS = 0.1


class SubmititExecutor:
    """A submitit job for each run, with the options of the launcher submitit_local or submitit_slurm."""

    def __init__(self, launch: Launch, slots: int, cluster: Literal["local", "slurm"]) -> None:
        self.slots = slots
        self._launch = launch
        self._cluster = cluster
        self._sweep_dir = Path(launch.config.hydra.sweep.dir)
        self._folder = launch.options["submitit_folder"]
        if cluster == "local":
            # submitit starts a local job before it makes a folder with the job's ID (%j) in its name; a job
            # that comes before its folder ends without a word.
            self._folder = str(JobPaths.get_first_id_independent_folder(self._folder))
        self._executor = self._make_executor()
        self._running: list[tuple[Run, Any]] = []

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

    def wait(self, seconds: float) -> list[tuple[Run, str]]:
        """Look after the jobs until one has ended."""
        deadline = time.monotonic() + seconds
        while True:
            ended = [(run, job) for run, job in self._running if self._has_ended(run, job)]
            if ended or time.monotonic() >= deadline:
                break
            time.sleep(_POLL_SECONDS)
        self._running = [entry for entry in self._running if entry not in ended]
        return [(run, _error(job)) for run, job in ended]

    def _has_ended(self, run: Run, job: Any) -> bool:
        # A cluster is slow to tell; the outcome in the run's folder is there at once.
        return read_outcome(self._sweep_dir / run.subdir) is not None or bool(job.done())

    def reattach(self, run: Run, handle: str) -> bool:
        """Take on a Slurm job that is queued or running. A local one holds the lock on its folder."""
        if self._cluster != "slurm" or not handle:
            return False
        job: Any = submitit.SlurmJob(folder=self._folder, job_id=handle)
        if job.done(force_check=True):
            return False
        self._running.append((run, job))
        return True

    def close(self, now: bool) -> None:
        """Cancel what still runs; without `now` nothing does."""
        for _, job in self._running if now else ():
            job.cancel()


def _error(job: Any) -> str:
    return f"its submitit job {job.job_id} ended as {job.state}"
