"""What Slurm says of its jobs: squeue, and of one that has ended sacct and scontrol besides.

squeue knows a job for some minutes after its end. The accounting knows it for good, but may be away or not
there at all, and is behind; so it is asked for details only.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)

# The states in which a job runs, or is going to run (again) by itself.
_LIVE = {
    "COMPLETING",
    "CONFIGURING",
    "PENDING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESIZING",
    "RESV_DEL_HOLD",
    "RUNNING",
    "SIGNALING",
    "SPECIAL_EXIT",
    "STAGE_OUT",
    "STOPPED",
    "SUSPENDED",
}
# The states in which the cluster ended a job, not the job itself.
_LOST = {"BOOT_FAIL", "CANCELLED", "LAUNCH_FAILED", "NODE_FAIL", "PREEMPTED", "RECONFIG_FAIL", "REVOKED"}
_GONE = "GONE"
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class JobState:
    """The state of one job; `exit_code` is Slurm's pair of exit status and signal, "" where not known."""

    name: str
    exit_code: str = ""

    @property
    def is_live(self) -> bool:
        """Whether the job runs, or is going to."""
        return self.name in _LIVE

    @property
    def is_lost(self) -> bool:
        """Whether the cluster ended the job."""
        return self.name in _LOST or self.name == _GONE

    def __str__(self) -> str:
        if self.name == _GONE:
            return "is not known to Slurm any more"
        return f"ended as {self.name}" + (f", exit code {self.exit_code}" if self.exit_code else "")


FORGOTTEN = JobState(_GONE)


class SlurmStates:
    """Asks Slurm, with one call for all jobs, and one more for each that has ended."""

    def __init__(self) -> None:
        self._warned: set[str] = set()

    def ask(self, jobs: Sequence[str]) -> dict[str, JobState]:
        """Return the states of the jobs; those that Slurm does not answer about are missing."""
        listed = self._squeue(jobs)
        return {} if listed is None else {job: JobState(listed.get(job, _GONE)) for job in jobs}

    def details(self, job: str, state: JobState) -> JobState:
        """Return the state of a job that has ended, with its exit code, where it is known."""
        return self._sacct(job) or self._scontrol(job) or state

    def _squeue(self, jobs: Sequence[str]) -> dict[str, str] | None:
        options = ["--noheader", "--states=all", "--format=%i|%T", f"--jobs={','.join(jobs)}"]
        try:
            listed = _run("squeue", *options)
        except (OSError, subprocess.SubprocessError) as error:
            if "Invalid job id" in (getattr(error, "stderr", "") or ""):
                return {}  # it is said so of one job alone; of several, those that are known are listed
            self._warn("squeue", "jobs are taken to be where they were", error)
            return None
        return dict(line.split("|", 1) for line in listed.splitlines() if "|" in line)

    def _sacct(self, job: str) -> JobState | None:
        options = ["--noheader", "--parsable2", "--allocations", f"--jobs={job}", "--format=State,ExitCode"]
        try:
            lines = _run("sacct", *options).splitlines()
        except (OSError, subprocess.SubprocessError) as error:
            self._warn("the accounting (sacct)", "scontrol is asked instead", error)
            return None
        if not lines:
            return None
        name, _, exit_code = lines[-1].partition("|")
        state = JobState(name.split()[0], exit_code)  # "CANCELLED by 1000"
        return None if state.is_live else state  # it is behind

    def _scontrol(self, job: str) -> JobState | None:
        try:
            words = _run("scontrol", "--oneliner", "show", "job", job).split()
        except (OSError, subprocess.SubprocessError):
            return None  # it has forgotten the job
        fields = dict(word.split("=", 1) for word in words if "=" in word)
        return JobState(fields["JobState"], fields.get("ExitCode", "")) if "JobState" in fields else None

    def _warn(self, who: str, then: str, error: Exception) -> None:
        if who in self._warned:
            return
        self._warned.add(who)
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        log.warning("%s of Slurm does not answer (%s); %s", who, said[-1] if said else error, then)


def _run(*command: str) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_SECONDS)  # noqa: S603
    return run.stdout
