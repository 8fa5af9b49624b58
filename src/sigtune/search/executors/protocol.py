"""What an executor is, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from sigtune.job.task import RecordedTask
from sigtune.search.jobs import Run


class Executor(Protocol):
    """Runs jobs in up to `slots` places at once. What a run came to is read from its folder."""

    slots: int

    def submit(self, run: Run) -> str:
        """Start the run, or carry it out where the launcher can do no other.

        Returns the name by which `reattach` would find it after the sweep has died, "" for none.
        """

    def wait(self, seconds: float) -> list[tuple[Run, str]]:
        """Wait up to so long for a run to end; return those that did, with the launcher's error or ""."""

    def reattach(self, run: Run, handle: str) -> bool:
        """Take on a run that an earlier process of this sweep submitted; False where it does not run."""

    def close(self, now: bool) -> None:
        """Let go of the workers, with `now` by ending what they do."""


@dataclass(frozen=True)
class Launch:
    """What Hydra hands a launcher: the app, and the config it is called with."""

    context: HydraContext
    task: RecordedTask
    config: DictConfig

    @property
    def options(self) -> dict[str, Any]:
        """The config of the user's launcher, resolved."""
        options = OmegaConf.to_container(self.config.hydra.launcher, resolve=True)
        assert isinstance(options, dict)
        return {str(name): value for name, value in options.items()}
