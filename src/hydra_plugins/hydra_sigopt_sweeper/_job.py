"""A job, the runs that train it, and the outcome that each run leaves in its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from filelock import FileLock, Timeout

from sigtune.errors import Problem

OUTCOME_NAME = "outcome.json"
ERROR_NAME = "error.log"
_RUNNING_NAME = "running.lock"


@dataclass(frozen=True)
class Job:
    """A suggestion on its way through the launcher; `number` names its folder for good.

    `overrides` are those of the job, and `repeats` what each of its runs has besides: one run with nothing
    more, or with `sigopt.repeats` one for each seed.
    """

    number: int
    suggestion: str
    assignments: Mapping[str, Any]
    overrides: Sequence[str]
    repeats: Sequence[Sequence[str]] = ((),)

    def runs(self) -> list[Run]:
        """Return the runs that the job consists of."""
        return [Run(self, index) for index in range(len(self.repeats))]


@dataclass(frozen=True)
class Run:
    """One training of a job, in a folder of its own."""

    job: Job
    index: int

    @property
    def subdir(self) -> str:
        """The run's folder in the sweep's: the job's number, and below it that of the repeat."""
        number = str(self.job.number)
        return number if len(self.job.repeats) == 1 else f"{number}/{self.index + 1}"

    @property
    def overrides(self) -> list[str]:
        """What the run is asked to train, and the folder that Hydra runs it in."""
        return [*self.job.overrides, *self.job.repeats[self.index], f"hydra.sweep.subdir={self.subdir}"]


@dataclass(frozen=True)
class Outcome:
    """What came of a run: metric values, or the reason why there are none.

    `problems` are those of a UsageError: a mistake in the config, which would fail every job.
    """

    values: Mapping[str, float] | None = None
    reason: str = ""
    problems: Sequence[Problem] = field(default_factory=tuple)
    seconds: float = 0.0


@dataclass(frozen=True)
class Result:
    """What came of a job: the mean of its runs' values with their standard deviations, or a failure."""

    values: Mapping[str, float] | None
    deviations: Mapping[str, float]
    reason: str
    seconds: float


def combine(outcomes: Sequence[Outcome]) -> Result:
    """Return the job's result; one failed run fails it, for a mean of the others is another figure.

    The standard deviation is the sample's (divided by n - 1); a single run has none.
    """
    seconds = sum(outcome.seconds for outcome in outcomes)
    for outcome in outcomes:
        if outcome.values is None:
            return Result(None, {}, outcome.reason, seconds)
    columns: dict[str, list[float]] = {}
    for outcome in outcomes:
        for name, value in (outcome.values or {}).items():
            columns.setdefault(name, []).append(value)
    means = {name: fmean(column) for name, column in columns.items()}
    deviations = {name: stdev(column) for name, column in columns.items() if len(column) > 1}
    return Result(means, deviations, "", seconds)


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write the outcome so that a reader finds all of it or nothing, even after a power cut."""
    record = {
        "values": outcome.values,
        "reason": outcome.reason,
        "problems": [[problem.key, problem.what, problem.remedy] for problem in outcome.problems],
        "seconds": outcome.seconds,
    }
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{OUTCOME_NAME}.{os.getpid()}"
    with draft.open("w") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / OUTCOME_NAME)


def read_outcome(folder: Path) -> Outcome | None:
    """Return the outcome that a run left in its folder, or None where it left none."""
    path = folder / OUTCOME_NAME
    if not path.exists():
        return None
    record = json.loads(path.read_text())
    problems = tuple(Problem(*fields) for fields in record["problems"])
    return Outcome(record["values"], record["reason"], problems, record["seconds"])


def running_lock(folder: Path) -> FileLock:
    """Return the lock that a run holds on its folder while it runs, in whichever process that is."""
    return FileLock(folder / _RUNNING_NAME, timeout=0)


def is_running(folder: Path) -> bool:
    """Tell whether some process runs in the folder now; the operating system frees the lock of a dead one."""
    if not (folder / _RUNNING_NAME).exists():
        return False
    try:
        with running_lock(folder):
            return False
    except Timeout:
        return True
