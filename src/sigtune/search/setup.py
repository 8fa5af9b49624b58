"""Set a search up: read the request, check it, open the experiment, run the search, summarise it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from sigopt.exception import ApiException, ConnectionException

from sigtune.checks.search import OpenedSearch
from sigtune.definition.experiment import ExperimentDefinition, definition_from_json
from sigtune.errors import DamagedFileError, UnwritableFileError, UsageError
from sigtune.invocation import extend_command
from sigtune.job.task import RecordedTask, this_process
from sigtune.passwords import mask_passwords
from sigtune.report.observed import Observed
from sigtune.search.dashboard_hint import dashboard_hint
from sigtune.search.display import Display
from sigtune.search.executors.protocol import Executor, Launch, SubmissionRefusedError
from sigtune.search.executors.registry import choose_executor
from sigtune.search.failed_opening import ending_where_files_fail
from sigtune.search.folder import SweepFolder, find_folder, use_folder
from sigtune.search.job_folders import job_subdir
from sigtune.search.journal import Journal
from sigtune.search.loop import JobMaker, Search
from sigtune.search.preloading import loading_optimizer
from sigtune.search.request import SearchRequest, Task, check_request, read_request
from sigtune.search.search_space import point_count
from sigtune.search.stop_request import StopRequest
from sigtune.search.summary import Summary
from sigtune.tuning.changes import has_other_definition
from sigtune.tuning.connection import describe_backend, failure_line
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.experiment_details import metrics_of, parameters_of
from sigtune.tuning.opening import change_experiment, create_experiment

# A file has the experiment as it was created: somebody may have changed that since.
_OTHER_DEFINITION = (
    "the experiment counts where the config defines another search; what the command line gives changes it"
)


def sweep(
    block: Any, context: HydraContext, task: Task, config: DictConfig, arguments: Sequence[str]
) -> list[Observed]:
    """Run the search that `SigOptSweeper.sweep` is asked for, and return its observations.

    Raises UsageError, with nothing created, where the request is wrong; SystemExit with the exit code of a
    search that did not go well.
    """
    try:
        request = read_request(block, context, task, config, arguments)
        checked = check_request(request)
        with loading_optimizer(request.block), SweepFolder(find_folder(config, checked.details)) as folder:
            with ending_where_files_fail(request, checked, folder.path):
                opened = open_experiment(request, checked, folder)
            search = run(opened)
    except (ConnectionException, ApiException) as error:
        raise SystemExit(f"error: {failure_line(error)}") from error
    return finish(request, search)


@dataclass(frozen=True)
class OpenedExperiment:
    """The experiment of a request, with SigOpt's Experiment object and the journal of its jobs.

    `changes` are those that the request has made to an experiment that existed, in words.
    """

    request: SearchRequest
    experiment: SigOptExperiment
    details: Any
    journal: Journal
    changes: Sequence[str]

    @property
    def slots(self) -> int:
        """How many jobs the experiment is to have at once."""
        return self.details.parallel_bandwidth or 1

    @property
    def experiment_id(self) -> str:
        """The experiment's ID at SigOpt."""
        return str(self.experiment.experiment_id)


def open_experiment(request: SearchRequest, checked: OpenedSearch, folder: SweepFolder) -> OpenedExperiment:
    """Return the experiment with its journal in the sweep's folder; create it where it does not exist.

    Raises UsageError where the folder holds another experiment's jobs, or SigOpt refuses the definition.
    """
    experiment, details = checked.experiment, checked.details
    assert experiment is not None
    use_folder(request.config, folder.path)
    if details is None:
        _create(experiment, request, folder)
        details = experiment.get_experiment_details()
    folder.check_journal(experiment.experiment_id)
    if checked.changes.update:
        details = change_experiment(experiment, checked.changes.update)
    _write_config(request.config, folder.path / "multirun.yaml")
    journal = folder.journal_for(experiment, details.metadata)
    return OpenedExperiment(request, experiment, details, journal, checked.changes.described)


def _write_config(config: DictConfig, path: Path) -> None:
    try:
        path.write_text(mask_passwords(OmegaConf.to_yaml(config)))
    except OSError as error:
        raise UnwritableFileError(path, error) from error


def _create(experiment: SigOptExperiment, request: SearchRequest, folder: SweepFolder) -> None:
    try:
        folder.check_journal(None)
        create_experiment(experiment, request.block)
    except UsageError:
        folder.remove_if_unused()
        raise


def run(opened: OpenedExperiment) -> Search:
    """Run the search, and print and write its summary, whatever ends it."""
    request, folder = opened.request, opened.journal.folder
    # A metric without a name has None here, as its values have in what the client gives.
    definition = replace(
        definition_from_json(opened.details.to_json()), metrics=tuple(metrics_of(opened.details))
    )
    executor = _choose_executor(opened, [metric.name for metric in definition.metrics])
    display = Display(opened.details.observation_budget)
    _show_heading(opened, executor, display)
    summary = Summary(
        folder,
        opened.details.to_json(),
        definition,
        request.resume_command(opened.experiment_id),
        _extend_command(opened, definition),
        dashboard_hint(request.block, opened.experiment_id),
        request.config_name,
        request.job_configs.is_group,
        # Not at the end: whoever edits the configs meanwhile would go without the commands.
        request.job_configs.sweeps_by_itself(),
    )
    with StopRequest(folder) as stop:
        search = Search(
            opened.experiment,
            executor,
            _job_maker(opened),
            opened.journal,
            stop,
            display,
            definition,
            request.block.max_consecutive_failures,
            request.block.max_lost_runs,
            request.block.max_retries,
        )
        try:
            search.run()
        finally:
            summary.show(search, display)
    return search


def _extend_command(opened: OpenedExperiment, definition: ExperimentDefinition) -> str | None:
    """Return the command that doubles the budget; None where there is none, or SigOpt has it fixed."""
    request, details = opened.request, opened.details
    is_fixed = (
        definition.type == "grid" or len(definition.optimized_metrics) > 1 or definition.num_solutions > 1
    )
    if details.observation_budget is None or is_fixed:
        return None
    budget = 2 * details.observation_budget
    return extend_command(opened.experiment_id, request.typed, request.block_keys, budget)


def _choose_executor(opened: OpenedExperiment, metrics: Sequence[str]) -> Executor:
    request = opened.request
    order = request.block.metric_order(metrics)
    task = RecordedTask(
        request.task,
        order or metrics,
        request.block.job_timeout,
        this_process(),
        are_ordered=order is not None,
    )
    launch = Launch(
        request.context, task, request.config, opened.journal.mark_submitted, request.block.retry_seconds
    )
    return choose_executor(launch, opened.slots)


def _job_maker(opened: OpenedExperiment) -> JobMaker:
    block, job_configs = opened.request.block, opened.request.job_configs
    return JobMaker(
        lambda suggestion: job_configs.overrides_for(
            opened.experiment, suggestion, block.repeat_key if block.seed_per_suggestion else None
        ),
        job_configs.repeats(block.repeats, block.repeat_key),
        partial(job_subdir, job_configs),
    )


def _show_heading(opened: OpenedExperiment, executor: Executor, display: Display) -> None:
    request, details = opened.request, opened.details
    backend = describe_backend(request.block.backend, request.block.store)
    display.heading(opened.experiment_id, details.name, backend, executor.slots)
    display.command("watch", dashboard_hint(request.block, opened.experiment_id))
    for change in opened.changes:
        display.labelled("changed", change)
    if has_other_definition(request.block, details):
        display.labelled("", _OTHER_DEFINITION)
    if executor.slots < opened.slots:
        launcher = request.config.hydra.runtime.choices.get("hydra/launcher", "this")
        display.few_slots(launcher, executor.slots)
    points, budget = point_count(parameters_of(details)), details.observation_budget
    if points is not None and budget is not None and points < budget:
        display.few_points(points, budget)


def finish(request: SearchRequest, search: Search) -> list[Observed]:
    """Return the observations, or exit with the code that says why there are not all of them."""
    if search.wrong_input is not None:
        print(f"error: {_what_is_wrong(search.wrong_input)}\n{search.wrong_input}", file=sys.stderr)
    code = _exit_code(search)
    if code == 0:
        return search.observed
    # Hydra does this itself after a sweep that returns.
    request.context.callbacks.on_multirun_end(config=request.config, config_name=request.config_name)
    raise SystemExit(code)


def _what_is_wrong(error: UsageError) -> str:
    if isinstance(error, DamagedFileError):
        return "a file of this search is damaged"
    if isinstance(error, SubmissionRefusedError):
        return "a job was refused by the launcher"
    return "a job was given a wrong config"


def _exit_code(search: Search) -> int:
    if search.wrong_input is not None:
        return 2
    if search.unreachable is not None or search.unwritable is not None:
        return 1
    if search.was_stopped:
        return 130
    return 3 if any(observed.values is None for observed in search.observed) else 0
