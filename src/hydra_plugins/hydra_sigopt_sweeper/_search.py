"""The loop of a search. It alone talks to SigOpt: draw, run, report, until the budget is consumed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sigtune.errors import UsageError
from sigtune.report.results import Observed, best_of, write_results
from sigtune.tuning.experiment import SigOptExperiment

from ._display import Display, command, format_assignments
from ._executors import Executor
from ._job import ERROR_NAME, Job, Outcome, read_outcome
from ._journal import Journal


class Search:
    """One search over one experiment, in one folder.

    `overrides_for` turns a suggestion into the overrides of its job.
    """

    def __init__(
        self,
        experiment: SigOptExperiment,
        executor: Executor,
        slots: int,
        journal: Journal,
        display: Display,
        overrides_for: Callable[[Any], list[str]],
        max_consecutive_failures: int,
    ) -> None:
        self._experiment = experiment
        self._executor = executor
        self._slots = slots
        self._journal = journal
        self._display = display
        self._overrides_for = overrides_for
        self._max_consecutive_failures = max_consecutive_failures
        self._metrics = list(experiment.get_experiment_details().metrics)
        self._running: dict[int, float] = {}
        self._observed: list[Observed] = []
        self._failures_in_a_row = 0
        self._first_error: Job | None = None

    def run(self, resume: str) -> list[Observed]:
        """Run until the budget is consumed; `resume` is the command that takes the search up again.

        Raises UsageError when a job does, for it would fail every job; SystemExit(3) when jobs failed and
        SystemExit(130) when interrupted.
        """
        try:
            self._loop()
        except KeyboardInterrupt:
            self._display.labelled("stopped", "interrupted; the open suggestion is kept")
            self._end(resume)
            raise SystemExit(130) from None
        finally:
            self._executor.close()
        self._end(resume)
        if any(observed.values is None for observed in self._observed):
            raise SystemExit(3)
        return self._observed

    def _loop(self) -> None:
        while True:
            while self._has_room():
                self._start()
            if not self._running:
                return
            job, launcher_error = self._executor.wait_any()
            self._finish(job, launcher_error)

    def _has_room(self) -> bool:
        if len(self._running) >= self._slots or self._failures_in_a_row >= self._max_consecutive_failures:
            return False
        details = self._experiment.get_experiment_details()
        budget = details.observation_budget
        return budget is None or details.progress.observation_count + len(self._running) < budget

    def _start(self) -> None:
        suggestion = self._experiment.get_next_suggestion({"sweep": str(self._journal.folder)})
        job = Job(
            self._journal.next_number(),
            str(suggestion.id),
            dict(suggestion.assignments),
            self._overrides_for(suggestion),
        )
        self._journal.add(job)
        self._running[job.number] = time.monotonic()
        self._executor.submit(job)

    def _finish(self, job: Job, launcher_error: str) -> None:
        seconds = time.monotonic() - self._running.pop(job.number)
        folder = self._journal.job_folder(job.number)
        outcome = read_outcome(folder) or Outcome(reason=launcher_error or "the job left no result")
        outcome = Outcome(outcome.values, outcome.reason, outcome.problems, seconds)
        if outcome.problems:
            self._experiment.delete_suggestion(job.suggestion)
            self._journal.mark_reported(job.number)
            raise UsageError(outcome.problems)
        self._report(job, outcome)

    def _report(self, job: Job, outcome: Outcome) -> None:
        metadata: dict[str, Any] = {"job": job.number}
        if outcome.reason:
            metadata["reason"] = outcome.reason[:500]
        self._experiment.update_observation(job.suggestion, outcome.values, metadata)
        self._journal.mark_reported(job.number)
        observed = Observed(job.number, job.assignments, outcome.values, outcome.reason, job.overrides)
        self._observed.append(observed)
        failed = outcome.values is None
        self._failures_in_a_row = self._failures_in_a_row + 1 if failed else 0
        if failed and self._first_error is None:
            self._first_error = job
        error_log = self._journal.job_folder(job.number) / ERROR_NAME
        is_best = best_of(self._observed, self._metrics) == [observed]
        self._display.job(job, outcome, is_best, error_log if failed and error_log.exists() else None)

    def _end(self, resume: str) -> None:
        """Print and write what the search came to, whatever ended it."""
        if self._failures_in_a_row >= self._max_consecutive_failures:
            self._show_first_error()
        best = best_of(self._observed, self._metrics)
        folder = self._journal.folder
        write_results(folder, self._observed, best)
        failed = sum(observed.values is None for observed in self._observed)
        self._display.table(self._observed, best)
        self._display.labelled("saved", f"{len(self._observed)} observed ({failed} failed) in {folder}")
        for observed in best:
            self._show_best(observed)
        self._display.labelled("resume", resume)

    def _show_best(self, observed: Observed) -> None:
        assert observed.values is not None
        metrics = " ".join(f"{name} {value:.4f}" for name, value in observed.values.items())
        self._display.labelled(
            "best", f"{observed.number}  {metrics}  {format_assignments(observed.assignments)}"
        )
        self._display.labelled("again", command(observed.overrides))

    def _show_first_error(self) -> None:
        assert self._first_error is not None
        path = self._journal.job_folder(self._first_error.number) / ERROR_NAME
        self._display.labelled(
            "stopped", f"{self._failures_in_a_row} jobs failed in a row; the first error of this search:"
        )
        if path.exists():
            self._display.error(path.read_text())
