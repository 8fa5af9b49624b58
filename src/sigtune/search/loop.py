"""The loop of a search. It alone talks to SigOpt: draw, run, report, until the budget is consumed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from sigopt.exception import ApiException, ConnectionException

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.metadata import SWEEP_ID_KEY
from sigtune.definition.ranking import best_of_experiment
from sigtune.definition.tasks import FULL_COST
from sigtune.errors import UnwritableFileError, UsageError
from sigtune.job.attempt import write_attempt
from sigtune.job.outcome import ERROR_NAME, Outcome, read_outcome, remove_outcome, write_outcome
from sigtune.report.observed import Observed
from sigtune.search.display import Display
from sigtune.search.earlier import drawn_but_not_recorded, earlier_observations, is_drawn_by
from sigtune.search.executors.protocol import EngineAwayError, Executor, Lost, RunResult
from sigtune.search.jobs import Job, JobResult, Run, combine
from sigtune.search.journal import Journal
from sigtune.search.observations import report_observation
from sigtune.search.orphans import Orphans
from sigtune.search.stop_request import StopRequest
from sigtune.tuning.budget import Budget
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.leases import is_in_work, release_abandoned

# How long the loop waits for a run to end before it looks whether it is asked to stop.
_WAIT_SECONDS = 0.5

# How long it draws no more where the open jobs, or those of others, will consume the whole budget.
_REFUSED_SECONDS = 5.0

# How often it looks for suggestions of workers that died.
_RELEASE_SECONDS = 60.0


@dataclass(frozen=True)
class JobMaker:
    """How a suggestion becomes a job: the overrides it is trained with, and what its repeats add to them.

    `subdir_for` is the folder of a job by its number and overrides, None where that is the number.
    """

    overrides_for: Callable[[Any], list[str]]
    repeats: Sequence[Sequence[str]]
    subdir_for: Callable[[int, Sequence[str]], str | None]

    def job(self, number: int, suggestion: Any) -> Job:
        """Return the job that trains the suggestion."""
        overrides = self.overrides_for(suggestion)
        return self._job(number, suggestion, overrides, self.subdir_for(number, overrides))

    def resumed(self, recorded: Job, suggestion: Any) -> Job:
        """Return the job that trains the suggestion, in the folder that it was recorded with."""
        return self._job(recorded.number, suggestion, self.overrides_for(suggestion), recorded.subdir)

    def _job(self, number: int, suggestion: Any, overrides: Sequence[str], subdir: str | None) -> Job:
        assignments = dict(suggestion.assignments)
        task = suggestion.task.name if suggestion.task else None
        return Job(number, str(suggestion.id), assignments, overrides, self.repeats, task, subdir)


class Search:
    """One search over one experiment, in one folder. It resumes what an earlier one left in the folder.

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
        definition: ExperimentDefinition,
        max_consecutive_failures: int,
        max_lost_runs: int,
        max_retries: int = 0,
    ) -> None:
        self._experiment = experiment
        self._executor = executor
        self._maker = maker
        self._journal = journal
        self._stop = stop
        self._display = display
        self._max_consecutive_failures = max_consecutive_failures
        self._definition = definition
        self._max_lost_runs = max_lost_runs
        self._max_retries = max_retries
        self._waiting: deque[Run] = deque()
        self._running: dict[str, Run] = {}
        self._orphans = Orphans(journal.run_folder)
        self._outcomes: dict[str, Outcome] = {}
        self._open_jobs: dict[int, Job] = {}
        self._failures_in_a_row = 0
        self.first_failed: Job | None = None
        self.observed: list[Observed] = []
        self.unreachable: Exception | None = None
        self.wrong_input: UsageError | None = None
        self.unwritable: UnwritableFileError | None = None
        self._budget = Budget(experiment)
        self._costs: dict[str | None, float] = {task.name: task.cost for task in definition.tasks}
        self._next_release = 0.0
        self._next_draw = 0.0

    @property
    def has_consumed_budget(self) -> bool:
        """Whether the whole budget is known to be consumed."""
        return self._budget.is_consumed

    @property
    def failed_too_often(self) -> bool:
        """Whether jobs failed so often in a row that more of them would be a waste."""
        return self._failures_in_a_row >= self._max_consecutive_failures

    @property
    def open_jobs(self) -> list[Job]:
        """The jobs that SigOpt has no observation of, which a later search resumes."""
        return list(self._open_jobs.values())

    @property
    def was_stopped(self) -> bool:
        """Whether the search was asked to stop before its budget was consumed."""
        return self._stop.asked

    def run(self) -> None:
        """Run until the budget is consumed, or there is a reason to stop; running jobs are waited for.

        Reasons are a UsageError of a job, as it would fail every job, too many failures in a row, a SigOpt
        that is away, and a request to stop. The second signal ends the running jobs too.
        """
        try:
            self._run()
        except KeyboardInterrupt:
            self._stop.ask()
        except (ConnectionException, ApiException, EngineAwayError) as error:
            self._stop_for_outage(error)
        except UnwritableFileError as error:
            self.unwritable = error
        except UsageError as error:
            self.wrong_input = error

    def _run(self) -> None:
        try:
            self._resume()
            self._loop()
            self._delete_lost_suggestions()
        except BaseException:
            self._executor.close(now=True)
            raise
        self._executor.close(now=False)

    # --- what an earlier search in this folder left ---

    def _resume(self) -> None:
        self.observed = earlier_observations(self._experiment, self._journal, self._maker.overrides_for)
        open_suggestions = {str(entry.id): entry for entry in self._experiment.open_suggestions()}
        for recorded in self._journal.unreported():
            if recorded.suggestion not in open_suggestions:
                self._journal.mark_reported(recorded.number)  # it was, and the search died before this line
                continue
            # The journal is a file that others may have written to: what runs comes from the suggestion.
            job = self._maker.resumed(recorded, open_suggestions[recorded.suggestion])
            self._open_jobs[job.number] = job
            for run in job.runs():
                self._resume_run(run)
            self._report_if_ended(job)
        for suggestion in drawn_but_not_recorded(open_suggestions.values(), self._journal):
            self._add_job(suggestion)
        self._delete_beyond_budget()

    def _resume_run(self, run: Run) -> None:
        run = replace(run, attempt=self._journal.attempt(run), slot=self._journal.slot(run))
        outcome = read_outcome(self._journal.run_folder(run))
        if outcome is not None and self._is_tried_again(run, outcome):
            return
        if outcome is not None:
            self._outcomes[run.subdir] = outcome
        elif self._executor.reattach(run, self._journal.handle(run)) or self._orphans.adopt(run):
            self._running[run.subdir] = run
        else:
            self._waiting.append(run)

    # --- the loop ---

    def _loop(self) -> None:
        while True:
            try:
                self._fill_slots()
            except (ConnectionException, ApiException) as error:
                self._stop_for_outage(error)
            if not self._running:
                return
            for run, result in self._wait():
                self._end_run(run, result)
            self._show_status()

    def _fill_slots(self) -> None:
        while len(self._running) < self._executor.slots and not self._is_ending():
            if not self._waiting and not self._draw():
                return
            self._start(self._waiting.popleft())

    def _is_ending(self) -> bool:
        return self._stop.asked or self.failed_too_often or self.unreachable is not None

    def _draw(self) -> bool:
        """Make the next suggestion a job; False where the budget leaves room for none."""
        if time.monotonic() < self._next_draw:
            return False
        if not self._budget.leaves_room(self._open_cost):
            self._next_draw = time.monotonic() + _REFUSED_SECONDS
            return False
        self._release_abandoned()
        suggestion = self._experiment.get_next_suggestion({SWEEP_ID_KEY: self._journal.sweep_id})
        if self._budget.exceeds(suggestion, self._will_be_observed):
            self._experiment.delete_suggestion(suggestion.id)
            self._next_draw = time.monotonic() + _REFUSED_SECONDS
            return False
        self._add_job(suggestion)
        return True

    @property
    def _open_cost(self) -> float:
        return sum(map(self._cost, self._open_jobs.values()))

    @property
    def _consumed(self) -> float:
        """What the observations that are shown have consumed of the budget."""
        return sum(map(self._cost, self.observed))

    def _cost(self, trained: Job | Observed) -> float:
        return self._costs.get(trained.task, FULL_COST)

    def _release_abandoned(self) -> None:
        if time.monotonic() >= self._next_release:
            release_abandoned(self._experiment)
            self._next_release = time.monotonic() + _RELEASE_SECONDS

    def _will_be_observed(self, suggestion: Any) -> bool:
        if not is_drawn_by(self._journal, suggestion):
            return is_in_work(suggestion)
        # This sweep's own, but for those whose answers got lost.
        return any(job.suggestion == str(suggestion.id) for job in self._open_jobs.values())

    def _delete_beyond_budget(self) -> None:
        """Delete suggestions that an earlier search drew and others have meanwhile used the budget of."""
        excess = self._budget.excess(self._open_cost)
        begun = {*self._running, *self._outcomes}
        for job in reversed(list(self._open_jobs.values())):
            if excess > 0 and not any(run.subdir in begun for run in job.runs()):
                self._experiment.delete_suggestion(job.suggestion)
                self._waiting = deque(run for run in self._waiting if run.job is not job)
                self._close(job)
                excess -= self._cost(job)

    def _add_job(self, suggestion: Any) -> None:
        job = self._maker.job(self._journal.next_number(), suggestion)
        self._journal.add(job)
        self._open_jobs[job.number] = job
        self._waiting.extend(job.runs())

    def _start(self, run: Run) -> None:
        run = self._journal.begin_attempt(replace(run, slot=self._free_slot()))
        write_attempt(self._journal.run_folder(run), run.attempt)
        self._running[run.subdir] = run
        self._show_status()
        self._executor.submit(run)

    def _free_slot(self) -> int:
        taken = {run.slot for run in self._running.values()}
        return next(slot for slot in count(1) if slot not in taken)

    def _show_status(self) -> None:
        if self._executor.in_process:
            return  # a job that prints, or stops at a breakpoint, has the terminal to itself
        slots = self._executor.slots
        self._display.status(len(self._running), slots, self.observed, self._consumed, self._definition)

    def _wait(self) -> list[tuple[Run, RunResult]]:
        """Return the runs that have ended, after a while with none."""
        if len(self._orphans) == len(self._running):
            time.sleep(_WAIT_SECONDS)  # the executor has nothing to wait for
            return self._orphans.ended()
        return [*self._executor.wait(_WAIT_SECONDS), *self._orphans.ended()]

    # --- the results of runs, and of jobs ---

    def _end_run(self, run: Run, result: RunResult) -> None:
        del self._running[run.subdir]
        if isinstance(result, Lost):
            if self._stop.asked or self._runs_again(run, result):
                return  # its suggestion stays open
            if not result.has_begun:  # nothing is known of the suggestion: it stays open too
                self._stop_for_outage(
                    EngineAwayError(f"no attempt at job {run.job.number} began: {result.reason}")
                )
                return
            result = Outcome(reason=result.reason, attempt=run.attempt)
        if not self._stop.asked and self._is_tried_again(run, result):
            return
        folder = self._journal.run_folder(run)
        if read_outcome(folder) is None:
            write_outcome(folder, result)
        self._outcomes[run.subdir] = result
        self._report_if_ended(run.job)

    def _runs_again(self, run: Run, lost: Lost) -> bool:
        """Queue a run that was lost before the others; return False for one that was lost too often."""
        times = self._journal.mark_lost(run, lost.reason)
        if times > self._max_lost_runs:
            return False
        self._waiting.appendleft(run)
        self._display.lost(run.subdir, lost.reason, times, self._max_lost_runs)
        return True

    def _is_tried_again(self, run: Run, outcome: Outcome) -> bool:
        """Queue a run that failed before the others; return False for one that failed too often, or did not.

        It resumes from its last checkpoint. A search that dies before the outcome is gone has tried it once.
        """
        if not self._max_retries or outcome.values is not None or outcome.problems:
            return False
        times = self._journal.mark_failed(run, outcome.reason)
        if times > self._max_retries:
            return False
        remove_outcome(self._journal.run_folder(run))
        self._waiting.appendleft(run)
        self._display.retried(run.subdir, outcome.reason, times, self._max_retries)
        return True

    def _report_if_ended(self, job: Job) -> None:
        runs = job.runs()
        outcomes = [self._outcomes[run.subdir] for run in runs if run.subdir in self._outcomes]
        failed = any(outcome.values is None for outcome in outcomes)
        if failed:
            self._waiting = deque(run for run in self._waiting if run.job is not job)
        is_busy = any(run.job is job for run in (*self._waiting, *self._running.values()))
        if outcomes and not is_busy and (failed or len(outcomes) == len(runs)):
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
        report_observation(self._experiment, job, result)
        self._budget.count(self._cost(job))
        self._close(job)
        self._count_failure(job, result)
        self._show_job(job, result)

    def _count_failure(self, job: Job, result: JobResult) -> None:
        if result.values is not None:
            self._failures_in_a_row = 0
            return
        self._failures_in_a_row += 1
        if self.first_failed is None:
            self.first_failed = job

    def _show_job(self, job: Job, result: JobResult) -> None:
        folder = self._journal.job_folder(job.number)
        observed = Observed(
            job.number,
            job.assignments,
            result.values,
            result.reason,
            job.overrides,
            folder,
            result.deviations,
            job.task,
        )
        self.observed.append(observed)
        is_best = observed in best_of_experiment(self.observed, self._definition)
        error_logs = [] if result.values is not None else sorted(folder.rglob(ERROR_NAME))
        self._display.job(
            observed,
            self._consumed,
            result.seconds,
            is_best,
            next(iter(error_logs), None),
            not self._is_ending(),
        )

    def _close(self, job: Job) -> None:
        self._journal.mark_reported(job.number)
        del self._open_jobs[job.number]
        self._next_draw = 0.0

    def _delete_lost_suggestions(self) -> None:
        """Delete what SigOpt suggested in answers that got lost, and was asked for again."""
        if self._is_ending() or self._open_jobs:
            return  # the search that resumes this one trains them
        for suggestion in list(self._experiment.open_suggestions()):
            if is_drawn_by(self._journal, suggestion):
                self._experiment.delete_suggestion(suggestion.id)

    def _stop_for_outage(self, error: Exception) -> None:
        """Stop as SigOpt is away or refuses, or the engine is away: outcomes are reported on resume."""
        self.unreachable = error
        self._stop.ask()
