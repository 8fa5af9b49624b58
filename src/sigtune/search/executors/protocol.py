"""What an executor is, what it is given, and its three answers about a run: finished, lost, still there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from sigtune.errors import UsageError
from sigtune.job.outcome import Outcome, read_outcome
from sigtune.job.task import RecordedTask
from sigtune.search.jobs import Run


@dataclass(frozen=True)
class Lost:
    """The infrastructure took the run before it had an outcome, for the `reason` that its engine gives.

    A run that ended itself, by a signal even, is not lost: it is finished, and has failed. `has_begun` is
    False where the engine did not come to run anything of the job.
    """

    reason: str
    has_begun: bool = True


# A run that is finished has an outcome. One that is still there has no result yet.
RunResult: TypeAlias = Outcome | Lost


class SubmissionRefusedError(UsageError):
    """The engine does not take a run with the options of the user's launcher."""


class EngineAwayError(Exception):
    """The engine takes no runs now, and has not for as long as it was waited for."""


class Executor(Protocol):
    """Runs jobs in up to `slots` slots at once, each from `submit` until `wait` returns it.

    `in_process` says that a run has this process, and its terminal, to itself until `submit` returns.
    """

    slots: int
    in_process: bool

    def submit(self, run: Run) -> None:
        """Start the run in its slot, or run it to its end where the launcher can do no other."""

    def wait(self, seconds: float) -> list[tuple[Run, RunResult]]:
        """Wait up to so long for a run to end; return those that did. The others are still there.

        Raises SubmissionRefusedError and EngineAwayError of a run that could not be started.
        """

    def reattach(self, run: Run, handle: str) -> bool:
        """Watch a run that an earlier process of this sweep submitted; False where it is no longer there."""

    def close(self, now: bool) -> None:
        """Let go of the workers, with `now` by ending what they do."""


@dataclass(frozen=True)
class Launch:
    """What Hydra hands a launcher: the app, and the config it is called with.

    `submitted`, which any thread may call, is told the name by which `reattach` would find a run after the
    sweep has died, where the engine gives it one. An engine that is away is waited for so many seconds.
    """

    context: HydraContext
    task: RecordedTask
    config: DictConfig
    submitted: Callable[[Run, str], None]
    retry_seconds: float

    @property
    def options(self) -> dict[str, Any]:
        """The config of the user's launcher, resolved."""
        options = OmegaConf.to_container(self.config.hydra.launcher, resolve=True)
        assert isinstance(options, dict)
        return {str(name): value for name, value in options.items()}

    def folder(self, run: Run) -> Path:
        """Return the folder that the run is in."""
        return Path(self.config.hydra.sweep.dir) / run.subdir

    def outcome_of(self, run: Run) -> Outcome | None:
        """Return the outcome that the run left in its folder, where its engine returned nothing of it."""
        return read_outcome(self.folder(run))
