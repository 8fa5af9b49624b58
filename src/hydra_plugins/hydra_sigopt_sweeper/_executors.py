"""How jobs reach the user's launcher, and how their endings come back."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from ._job import Job


class Executor(Protocol):
    """Runs jobs in up to `slots` places at once. What a job came to is read from its folder."""

    slots: int

    def submit(self, job: Job) -> None:
        """Start the job, or run it where the launcher can do no other."""

    def wait_any(self) -> tuple[Job, str]:
        """Return the next job that ended, and what the launcher says of its end: "" or an error."""

    def close(self) -> None:
        """Let go of the workers."""


class OneByOneExecutor:
    """One job at a time through `Launcher.launch`, which every launcher has."""

    slots = 1

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._ended: deque[tuple[Job, str]] = deque()

    def submit(self, job: Job) -> None:
        """Run the job to its end."""
        overrides = [*job.overrides, f"hydra.sweep.subdir={job.number}"]
        try:
            result = self._launcher.launch([overrides], initial_job_idx=job.number)[0]
        except Exception as error:  # noqa: BLE001 - a launcher may raise anything for a job that died
            self._ended.append((job, f"{type(error).__name__}: {error}"))
            return
        self._ended.append((job, _failure(result)))

    def wait_any(self) -> tuple[Job, str]:
        """Return the job that ended."""
        return self._ended.popleft()

    def close(self) -> None:
        """Nothing is held between jobs."""


def _failure(result: JobReturn) -> str:
    # `return_value` prints and raises for a failed job; the exception itself is wanted here.
    if result.status == JobStatus.COMPLETED:
        return ""
    return f"{type(result._return_value).__name__}: {result._return_value}"
