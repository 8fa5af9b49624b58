"""The loop of a search. It alone talks to SigOpt: draw, run, report, until the budget is consumed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sigopt.exception import ApiException, ConnectionException

from sigtune.definition.ranking import best
from sigtune.errors import UsageError
from sigtune.job.outcome import ERROR_NAME, Outcome, is_running, read_outcome, write_outcome
from sigtune.report.observed import Observed
from sigtune.search.display import Display
from sigtune.search.executors.protocol import Executor
from sigtune.search.jobs import Job, Run, combine
from sigtune.search.journal import Journal
from sigtune.search.stop_request import StopRequest
from sigtune.tuning.experiment import SigOptExperiment, metrics_of

# How long the loop waits for a run to end before it looks whether it is asked to stop.
_WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class JobMaker:
    """How a suggestion becomes a job: the overrides it is trained with, and what its repeats add to them."""

    overrides_for: Callable[[Any], list[str]]
    repeats: Sequence[Sequence[str]]

    def job(self, number: int, suggestion: Any) -> Job:
        """Return the job that trains the suggestion."""
        assignments = dict(suggestion.assignments)
        overrides = self.overrides_for(suggestion)
        return Job(number, str(suggestion.id), assignments, overrides, self.repeats)


class Search:
    """One search over one experiment, in one folder. It takes up what an earlier one left in the folder.

    Every step is on disk before the next: a job in the journal before it starts, an outcome in the run's
    folder before it is reported, the report in the journal after. So a search may die anywhere.
    """

    def __init__(
        self,
        experiment: SigOptExperiment,
        executor: Executor,
        maker: JobMaker,
        journal: Journal,
        stop: StopRequest,
        display: Display,
        max_consecutive_failures: int,
    ) -> None:
        self._experiment = experiment
        self._executor = executor
        self._maker = maker
        self._journal = journal
        self._stop = stop
        self._display = display
        self._max_consecutive_failures = max_consecutive_failures
        self._metrics = metrics_of(experiment.get_experiment_details())
        self._waiting: deque[Run] = deque()
        self._running: dict[str, Run] = {}
        self._orphans: list[Run] = []
        self._open_jobs: dict[int, Job] = {}
        self._failures_in_a_row = 0
        self.first_failed: Job | None = None
        self.observed: list[Observed] = []
        self.unreachable: Exception | None = None

    @property
    def failed_too_often(self) -> bool:
        """Whether jobs failed so often in a row that more of them would be a waste."""
        return self._failures_in_a_row >= self._max_consecutive_failures

    @property
    def open_jobs(self) -> list[Job]:
        """The jobs that SigOpt has no observation of, which a later search takes up."""
        return list(self._open_jobs.values())

    def run(self) -> None:
        """Run until the budget is consumed, or there is a reason to stop; running jobs are waited for.

        Raises UsageError when a job does, as it would fail every job; KeyboardInterrupt at the second signal.
        """
        try:
            self._take_up()
            self._loop()
            self._delete_lost_suggestions()
        except BaseException:
            self._executor.close(now=True)
            raise
        self._executor.close(now=False)

    # --- what an earlier search in this folder left ---

    def _take_up(self) -> None:
        self.observed = self._earlier_observations()
        open_suggestions = {str(entry.id): entry for entry in self._experiment.open_suggestions()}
        for job in self._journal.unreported():
            if job.suggestion not in open_suggestions:
                self._journal.mark_reported(job.number)  # it was, and the search died before this line
                continue
            self._open_jobs[job.number] = job
            for run in job.runs():
                self._take_up_run(run)
            self._report_if_ended(job)
        known = {job.suggestion for job in self._journal.jobs.values()}
        for suggestion in reversed(list(open_suggestions.values())):
            # Drawn by this search, which died before the journal had it.
            drawn_by = (suggestion.metadata or {}).get("sweep")
            if drawn_by == self._journal.sweep_id and str(suggestion.id) not in known:
                self._add_job(suggestion)

    def _take_up_run(self, run: Run) -> None:
        folder = self._journal.run_folder(run)
        if read_outcome(folder) is not None:
            return
        if self._executor.reattach(run, self._journal.handle(run)):
            self._running[run.subdir] = run
        elif is_running(folder):
            self._running[run.subdir] = run
            self._orphans.append(run)
        else:
            self._waiting.append(run)

    def _earlier_observations(self) -> list[Observed]:
        jobs = {job.suggestion: job for job in self._journal.jobs.values()}
        observations = reversed(list(self._experiment.observations()))
        return [self._observed_earlier(entry, jobs.get(str(entry.suggestion))) for entry in observations]

    def _observed_earlier(self, observation: Any, job: Job | None) -> Observed:
        reported = observation.values or []
        return Observed(
            job.number if job else None,
            dict(observation.assignments),
            None if observation.failed else {value.name: value.value for value in reported},
            str((observation.metadata or {}).get("reason", "")),
            job.overrides if job else self._maker.overrides_for(observation),
            self._journal.job_folder(job.number) if job else None,
            {value.name: value.value_stddev for value in reported if value.value_stddev is not None},
        )

    # --- the loop ---

    def _loop(self) -> None:
        while True:
            try:
                self._fill_slots()
            except (ConnectionException, ApiException) as error:
                self._stop_for_outage(error)
            if not self._running:
                return
            for run, reason in self._wait():
                self._end_run(run, reason)
            self._display.status(len(self._running), self._executor.slots, self.observed, self._metrics)

    def _fill_slots(self) -> None:
        while len(self._running) < self._executor.slots and not self._is_ending():
            if not self._waiting and not self._draw():
                return
            self._start(self._waiting.popleft())

    def _is_ending(self) -> bool:
        return self._stop.asked or self.failed_too_often or self.unreachable is not None

    def _draw(self) -> bool:
        """Make the next suggestion a job; False where the budget leaves room for none."""
        details = self._experiment.get_experiment_details()
        budget = details.observation_budget
        consumed = details.progress.observation_budget_consumed
        if budget is not None and consumed + len(self._open_jobs) >= budget:
            return False
        self._add_job(self._experiment.get_next_suggestion({"sweep": self._journal.sweep_id}))
        return True

    def _add_job(self, suggestion: Any) -> None:
        job = self._maker.job(self._journal.next_number(), suggestion)
        self._journal.add(job)
        self._open_jobs[job.number] = job
        self._waiting.extend(job.runs())

    def _start(self, run: Run) -> None:
        self._running[run.subdir] = run
        self._display.status(len(self._running), self._executor.slots, self.observed, self._metrics)
        handle = self._executor.submit(run)
        if handle:
            self._journal.mark_submitted(run, handle)

    def _wait(self) -> list[tuple[Run, str]]:
        """Return the runs that have ended, after a while with none."""
        if len(self._orphans) == len(self._running):
            time.sleep(_WAIT_SECONDS)  # the executor has nothing to wait for
            return self._ended_orphans()
        return [*self._executor.wait(_WAIT_SECONDS), *self._ended_orphans()]

    def _ended_orphans(self) -> list[tuple[Run, str]]:
        ended = [run for run in self._orphans if not is_running(self._journal.run_folder(run))]
        self._orphans = [run for run in self._orphans if run not in ended]
        return [(run, "") for run in ended]

    def _end_run(self, run: Run, error: str) -> None:
        del self._running[run.subdir]
        folder = self._journal.run_folder(run)
        if read_outcome(folder) is None:
            if self._stop.asked:
                return  # its suggestion stays open, and the run is carried on when the search is
            write_outcome(folder, Outcome(reason=error or "the job left no result"))
        self._report_if_ended(run.job)

    def _report_if_ended(self, job: Job) -> None:
        folders = [self._journal.run_folder(run) for run in job.runs()]
        outcomes = [outcome for outcome in map(read_outcome, folders) if outcome is not None]
        failed = any(outcome.values is None for outcome in outcomes)
        if failed:
            self._waiting = deque(run for run in self._waiting if run.job is not job)
        is_busy = any(run.job is job for run in (*self._waiting, *self._running.values()))
        if outcomes and not is_busy and (failed or len(outcomes) == len(folders)):
            try:
                self._report(job, outcomes)
            except (ConnectionException, ApiException) as error:
                self._stop_for_outage(error)

    def _report(self, job: Job, outcomes: Sequence[Outcome]) -> None:
        problems = [problem for outcome in outcomes for problem in outcome.problems]
        if problems:
            self._experiment.delete_suggestion(job.suggestion)
            self._close(job)
            raise UsageError(problems)
        result = combine(outcomes)
        metadata: dict[str, Any] = {"job": job.number}
        if result.reason:
            metadata["reason"] = result.reason[:500]
        self._observe(job, result.values, metadata, result.deviations)
        self._close(job)
        failed = result.values is None
        self._failures_in_a_row = self._failures_in_a_row + 1 if failed else 0
        if failed and self.first_failed is None:
            self.first_failed = job
        folder = self._journal.job_folder(job.number)
        observed = Observed(
            job.number,
            job.assignments,
            result.values,
            result.reason,
            job.overrides,
            folder,
            result.deviations,
        )
        self.observed.append(observed)
        is_best = observed in best(self.observed, self._metrics)
        error_log = next(iter(sorted(folder.rglob(ERROR_NAME))), None) if failed else None
        self._display.job(observed, result.seconds, is_best, error_log, not self._is_ending())

    def _observe(
        self, job: Job, values: Any, metadata: dict[str, Any], deviations: Mapping[str, float]
    ) -> None:
        try:
            self._experiment.update_observation(job.suggestion, values, metadata, deviations)
        except ApiException as error:
            # A report whose answer was lost is sent again, and refused because it had arrived.
            if error.status_code not in (
                HTTPStatus.BAD_REQUEST,
                HTTPStatus.CONFLICT,
            ) or not self._is_observed(job.suggestion):
                raise

    def _is_observed(self, suggestion: str) -> bool:
        return suggestion not in {str(entry.id) for entry in self._experiment.open_suggestions()}

    def _delete_lost_suggestions(self) -> None:
        """Delete what SigOpt suggested in answers that got lost, and was asked for again."""
        if self._is_ending() or self._open_jobs:
            return  # the search that takes this one up trains them
        for suggestion in list(self._experiment.open_suggestions()):
            if (suggestion.metadata or {}).get("sweep") == self._journal.sweep_id:
                self._experiment.delete_suggestion(suggestion.id)

    def _close(self, job: Job) -> None:
        self._journal.mark_reported(job.number)
        del self._open_jobs[job.number]

    def _stop_for_outage(self, error: ConnectionException | ApiException) -> None:
        """Stop for a SigOpt that cannot be reached: outcomes are in their folders, and reported on resume."""
        if isinstance(error, ApiException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise error
        self.unreachable = error
        self._stop.ask()
