"""Runs that a dead sweep left behind on this machine: no engine knows them, only their folders do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sigtune.job.outcome import is_running, read_outcome
from sigtune.search.executors.protocol import Lost, RunResult
from sigtune.search.jobs import Run


class Orphans:
    """The runs whose processes still hold the lock on their folders, which are waited for."""

    def __init__(self, folder: Callable[[Run], Path]) -> None:
        self._folder = folder
        self._runs: list[Run] = []

    def __len__(self) -> int:
        return len(self._runs)

    def adopt(self, run: Run) -> bool:
        """Wait for the run from now on; False where no process runs it."""
        if not is_running(self._folder(run)):
            return False
        self._runs.append(run)
        return True

    def ended(self) -> list[tuple[Run, RunResult]]:
        """Return the runs that have ended since this was last asked."""
        ended = [run for run in self._runs if not is_running(self._folder(run))]
        self._runs = [run for run in self._runs if run not in ended]
        return [(run, self._result(run)) for run in ended]

    def _result(self, run: Run) -> RunResult:
        return read_outcome(self._folder(run)) or Lost("the job left no result")
