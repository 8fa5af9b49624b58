"""Runs through the launcher's own `launch`, one at a time: the basic launcher, and any that is not known.

The basic launcher runs a job in the sweep's own process: a `breakpoint()` in the task opens a debugger.
"""

from __future__ import annotations

import logging

from hydra.core.plugins import Plugins

from sigtune.job.metric_values import failure_reason
from sigtune.job.outcome import Outcome
from sigtune.search.executors.payload import result_of
from sigtune.search.executors.protocol import Launch, RunResult
from sigtune.search.jobs import Run


class SequentialExecutor:
    """One run at a time through `Launcher.launch`, which every launcher has; it leaves other slots unused."""

    in_process = True

    def __init__(self, launch: Launch, slots: int) -> None:
        self.slots = 1
        self._launch = launch
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=launch.context, task_function=launch.task, config=launch.config
        )
        self._ended: list[tuple[Run, RunResult]] = []
        # The basic launcher logs two lines a job, which would stand between the lines of the display.
        logging.getLogger("hydra._internal.core_plugins.basic_launcher").setLevel(logging.WARNING)

    def submit(self, run: Run) -> None:
        """Run it to its end."""
        self._ended.append((run, self._result(run)))

    def _result(self, run: Run) -> RunResult:
        try:
            jobs = self._launcher.launch([run.overrides], initial_job_idx=run.job.number)
        except Exception as error:  # noqa: BLE001 - a launcher may raise anything for a job that died
            return self._launch.outcome_of(run) or Outcome(reason=failure_reason(error), attempt=run.attempt)
        return result_of(jobs[0])

    def wait(self, seconds: float) -> list[tuple[Run, RunResult]]:
        """Return the run that ended."""
        ended, self._ended = self._ended, []
        return ended

    def reattach(self, run: Run, handle: str) -> bool:
        """Return False: nothing outlives `launch`."""
        return False

    def close(self, now: bool) -> None:
        """Nothing is held between runs."""
