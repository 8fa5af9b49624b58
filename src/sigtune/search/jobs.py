"""A job, the runs that train it, and the result of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from sigtune.job.outcome import Outcome
from sigtune.tuning.overrides import as_overrides


@dataclass(frozen=True)
class Job:
    """A suggestion on its way through the launcher, by its `number` for good.

    `overrides` are those of the job, and `repeats` what each of its runs has besides: one run with nothing
    more, or with `sigopt.repeats` one for each seed. `task` is the name of the suggestion's task, if any.
    `subdir` is what `hydra.sweep.subdir` makes the job's folder in the sweep's, where that is not the number.
    """

    number: int
    suggestion: str
    assignments: Mapping[str, Any]
    overrides: Sequence[str]
    repeats: Sequence[Sequence[str]] = ((),)
    task: str | None = None
    subdir: str | None = None

    @property
    def folder(self) -> str:
        """The job's folder in the sweep's."""
        return str(self.number) if self.subdir is None else self.subdir

    def runs(self) -> list[Run]:
        """Return the runs that the job consists of."""
        return [Run(self, index) for index in range(len(self.repeats))]


@dataclass(frozen=True)
class Run:
    """One training of a job, in a folder of its own.

    `attempt` counts from 1 how often it was started; `slot`, from 1 too, is which of the search's it has.
    """

    job: Job
    index: int
    attempt: int = 0
    slot: int = 0

    @property
    def subdir(self) -> str:
        """The run's folder in the sweep's: the job's, or one below it with the number of the repeat."""
        return self.job.folder if len(self.job.repeats) == 1 else f"{self.job.folder}/{self.index + 1}"

    @property
    def overrides(self) -> list[str]:
        """What the run is asked to train, and the folder that Hydra runs it in."""
        folder = as_overrides({"hydra.sweep.subdir": self.subdir})
        return [*self.job.overrides, *self.job.repeats[self.index], *folder]


@dataclass(frozen=True)
class JobResult:
    """The result of a job: the mean of its runs' values with their standard deviations, or a failure."""

    values: Mapping[str, float] | None
    deviations: Mapping[str, float]
    reason: str
    seconds: float


def combine(outcomes: Sequence[Outcome]) -> JobResult:
    """Return the job's result; one failed run fails it, for a mean of the others is another figure.

    The standard deviation is the sample's (divided by n - 1); a single run has none.
    """
    seconds = sum(outcome.seconds for outcome in outcomes)
    for outcome in outcomes:
        if outcome.values is None:
            return JobResult(None, {}, outcome.reason, seconds)
    columns: dict[str, list[float]] = {}
    for outcome in outcomes:
        for name, value in (outcome.values or {}).items():
            columns.setdefault(name, []).append(value)
    means = {name: fmean(column) for name, column in columns.items()}
    deviations = {name: stdev(column) for name, column in columns.items() if len(column) > 1}
    return JobResult(means, deviations, "", seconds)
