"""Runs through the launcher's own `launch`, one at a time: the basic launcher, and any that is not known."""

from __future__ import annotations

import logging

from hydra.plugins.launcher import Launcher

from sigtune.job.metric_values import failure_reason
from sigtune.search.executors.payload import error_of
from sigtune.search.jobs import Run


class OneByOneExecutor:
    """One run at a time through `Launcher.launch`, which every launcher has."""

    slots = 1

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._ended: list[tuple[Run, str]] = []
        # The basic launcher logs two lines a job, which would stand between the lines of the display.
        logging.getLogger("hydra._internal.core_plugins.basic_launcher").setLevel(logging.WARNING)

    def submit(self, run: Run) -> str:
        """Carry the run out to its end."""
        try:
            result = self._launcher.launch([run.overrides], initial_job_idx=run.job.number)[0]
        except Exception as error:  # noqa: BLE001 - a launcher may raise anything for a job that died
            self._ended.append((run, failure_reason(error)))
        else:
            self._ended.append((run, error_of(result)))
        return ""

    def wait(self, seconds: float) -> list[tuple[Run, str]]:
        """Return the run that ended."""
        ended, self._ended = self._ended, []
        return ended

    def reattach(self, run: Run, handle: str) -> bool:
        """Return False: nothing outlives `launch`."""
        return False

    def close(self, now: bool) -> None:
        """Nothing is held between runs."""
