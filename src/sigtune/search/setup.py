"""Set a search up: read the command line, check everything, open the experiment, run, end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from sigopt.exception import ConnectionException

from sigtune.checks.preflight import preflight_problems
from sigtune.checks.sweep import SweepInput, check_sweep
from sigtune.errors import UsageError
from sigtune.invocation import resume_command
from sigtune.job.task import RecordedTask, this_process
from sigtune.search.display import Display, format_slots
from sigtune.search.executors.protocol import Launch
from sigtune.search.executors.registry import choose_executor
from sigtune.search.folder import SweepFolder, find_folder, use_folder
from sigtune.search.job_configs import JobConfigs
from sigtune.search.loop import JobMaker, Search
from sigtune.search.search_space import CommandLine, read_command_line, use_current_values
from sigtune.search.stop_request import StopRequest
from sigtune.search.summary import Ending
from sigtune.tuning.block import SearchBlock, read_block
from sigtune.tuning.connection import describe_backend, load_optimizer
from sigtune.tuning.experiment import SigOptExperiment, metrics_of
from sigtune.tuning.opening import create_experiment

Task = Callable[[DictConfig], Any]


def sweep(
    block_config: Any, context: HydraContext, task: Task, config: DictConfig, arguments: Sequence[str]
) -> Any:
    """Run the search that `SigOptSweeper.sweep` is asked for."""
    block = read_block(block_config)
    line = read_command_line(arguments, context.config_loader)
    job_configs = JobConfigs(context, config, line)
    use_current_values(line.parameters, job_configs.current_values())
    block = block.with_parameters(line.parameters)
    try:
        opened = check_sweep(block, _input(line, job_configs), partial(preflight_problems, task))
        experiment = opened.experiment
        assert experiment is not None
        job_configs.repeats(block.repeats, block.repeat_key)
        if (block.definition.get("parallel_bandwidth") or 1) > 1:
            # Done while the workers start, so that no slot waits for it.
            threading.Thread(target=load_optimizer, args=(block.backend,)).start()
        with SweepFolder(find_folder(config, experiment if opened.details else None)) as folder:
            use_folder(config, folder.path)
            if opened.details is None:
                _create(experiment, block, folder)
            folder.check_journal(experiment.experiment_id)
            return _search(block, experiment, folder, job_configs, task)
    except ConnectionException as error:
        raise SystemExit(f"error: SigOpt cannot be reached: {error.message}") from error


def _create(experiment: SigOptExperiment, block: SearchBlock, folder: SweepFolder) -> None:
    try:
        folder.check_journal(None)
        create_experiment(experiment, block)
    except UsageError:
        folder.remove_if_unused()
        raise


def _input(line: CommandLine, job_configs: JobConfigs) -> SweepInput:
    return SweepInput(
        overridden=line.fixed_keys,
        tuned=list(line.elements),
        problems=[*line.problems, *job_configs.group_problems(line.parameters)],
        is_direct=job_configs.is_direct,
        compose=job_configs.compose_with,
    )


def _search(
    block: SearchBlock,
    experiment: SigOptExperiment,
    folder: SweepFolder,
    job_configs: JobConfigs,
    task: Task,
) -> Any:
    details = experiment.get_experiment_details()
    config, line = job_configs.master, job_configs.line
    OmegaConf.save(config, folder.path / "multirun.yaml")
    metrics, overrides = metrics_of(details), config.hydra.overrides
    recorded = RecordedTask(task, [metric.name for metric in metrics], block.job_timeout, this_process())
    is_given = "sigopt.parallel_bandwidth" in line.block_keys
    slots = (block.definition.get("parallel_bandwidth") if is_given else details.parallel_bandwidth) or 1
    executor = choose_executor(Launch(job_configs.context, recorded, config), slots)
    display = Display(details.observation_budget)
    display.labelled("sweep", _headline(block, experiment, details, executor.slots))
    if executor.slots < slots:
        display.labelled("", _few_slots(config, executor.slots))
    ending = Ending(
        folder.path,
        metrics,
        resume_command(str(experiment.experiment_id), [*overrides.hydra, *overrides.task]),
        config.hydra.job.config_name,
        job_configs.is_group,
    )
    maker = JobMaker(
        lambda suggestion: job_configs.overrides_for(experiment, suggestion),
        job_configs.repeats(block.repeats, block.repeat_key),
    )
    with StopRequest(folder.path) as stop:
        search = Search(
            experiment,
            executor,
            maker,
            folder.journal_for(experiment, details.metadata),
            stop,
            display,
            block.max_consecutive_failures,
        )
        wrong_input: UsageError | None = None
        try:
            search.run()
        except KeyboardInterrupt:
            stop.ask()
        except UsageError as error:
            wrong_input = error
        finally:
            ending.show(search, display)
        return _finish(search, stop, wrong_input, job_configs)


def _finish(
    search: Search, stop: StopRequest, wrong_input: UsageError | None, job_configs: JobConfigs
) -> Any:
    """Return the observations, or exit with the code that says why there are not all of them."""
    code = 0
    if wrong_input is not None:
        print(f"error: a job was given a wrong config\n{wrong_input}", file=sys.stderr)
        code = 2
    elif search.unreachable is not None:
        code = 1
    elif stop.asked:
        code = 130
    elif any(observed.values is None for observed in search.observed):
        code = 3
    if code == 0:
        return search.observed
    # Hydra does this itself after a sweep that returns.
    config = job_configs.master
    job_configs.context.callbacks.on_multirun_end(config=config, config_name=config.hydra.job.config_name)
    raise SystemExit(code)


def _headline(block: SearchBlock, experiment: SigOptExperiment, details: Any, slots: int) -> str:
    budget = (
        "no budget" if details.observation_budget is None else f"{details.observation_budget} observations"
    )
    return (
        f'experiment {experiment.experiment_id} "{details.name}" · '
        f"{describe_backend(block.backend, block.store)} · {budget} · {format_slots(slots)}"
    )


def _few_slots(config: DictConfig, slots: int) -> str:
    launcher = config.hydra.runtime.choices.get("hydra/launcher", "this")
    return f"the {launcher} launcher runs {slots} job at a time; hydra/launcher=joblib keeps all slots busy"
