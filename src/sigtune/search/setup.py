"""Set a search up: read the command line, check everything, open the experiment, run, end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from sigopt.exception import ConnectionException

from sigtune.checks.preflight import preflight_problems
from sigtune.checks.search import mapping_problems, search_problems
from sigtune.errors import Problem, UsageError
from sigtune.invocation import config_options
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
from sigtune.tuning.block import read_block
from sigtune.tuning.connection import describe_backend, load_optimizer
from sigtune.tuning.creation import open_experiment
from sigtune.tuning.experiment import SigOptExperiment, metrics_of, parameters_of

Task = Callable[[DictConfig], Any]


def sweep(
    block_config: Any, context: HydraContext, task: Task, config: DictConfig, arguments: Sequence[str]
) -> Any:
    """Run the search that `SigOptSweeper.sweep` is asked for."""
    block = read_block(block_config)
    line = read_command_line(arguments, context.config_loader)
    job_configs = JobConfigs(context, config, line)
    use_current_values(line.parameters, job_configs.current_values())
    parameters = OmegaConf.to_container(block.parameters)
    assert isinstance(parameters, list)
    block.merge_with({"parameters": [*parameters, *line.parameters]})
    try:
        experiment = _existing_experiment(block)
        _check(block, experiment, job_configs, task)
        if block.parallel_bandwidth > 1:
            # Done while the workers start, so that no slot waits for it.
            threading.Thread(target=load_optimizer, args=(block.backend,)).start()
        arguments_again = _lasting_arguments(config)
        with SweepFolder(find_folder(config, experiment)) as folder:
            use_folder(config, folder.path)
            experiment = experiment or _create(block, folder)
            folder.check_journal(experiment.experiment_id)
            resume = [*arguments_again, f"sigopt.experiment_id={experiment.experiment_id}"]
            return _search(block, experiment, folder, job_configs, task, resume)
    except ConnectionException as error:
        raise SystemExit(f"error: SigOpt cannot be reached: {error.message}") from error


def _existing_experiment(block: DictConfig) -> SigOptExperiment | None:
    return None if block.experiment_id is None else open_experiment(block)


def _create(block: DictConfig, folder: SweepFolder) -> SigOptExperiment:
    try:
        folder.check_journal(None)
        return open_experiment(block)
    except UsageError:
        folder.remove_if_unused()
        raise


def _check(
    block: DictConfig, experiment: SigOptExperiment | None, job_configs: JobConfigs, task: Task
) -> None:
    """Raise UsageError with everything that is wrong, before anything is created."""
    line = job_configs.line
    problems = [*line.problems, *_option_problems(block), *job_configs.group_problems(line.parameters)]
    if problems:
        raise UsageError(problems)
    given = {*line.fixed_keys, *line.elements}
    if experiment is None:
        config = job_configs.compose_with(line.parameters)
        problems = search_problems(config, block, given, job_configs.is_direct)
    else:
        parameters = parameters_of(experiment.get_experiment_details())
        problems = _unknown_to(experiment, parameters, line)
        config = job_configs.compose_with(parameters)
        mapped = [parameter for parameter in parameters if not job_configs.is_direct(parameter["name"])]
        problems += mapping_problems(config, experiment, mapped, given)
    problems += [
        Problem(name, "is tuned, and also given on the command line", "leave one of them out")
        for name in sorted(line.fixed_keys & line.elements.keys())
    ]
    problems += preflight_problems(task, config)
    if problems:
        raise UsageError(problems)
    job_configs.repeats(block.repeats, block.repeat_key)


def _option_problems(block: DictConfig) -> list[Problem]:
    """Return what is wrong with the options that are the sweep's rather than the experiment's."""
    problems = [
        Problem(f"sigopt.{name}={block[name]}", "is too small", "1 or more")
        for name in ("repeats", "max_consecutive_failures")
        if block[name] < 1
    ]
    if block.job_timeout is not None and block.job_timeout <= 0:
        problems.append(Problem(f"sigopt.job_timeout={block.job_timeout}", "is no time", "seconds, or null"))
    return problems


def _unknown_to(
    experiment: SigOptExperiment, parameters: Sequence[dict[str, Any]], line: CommandLine
) -> list[Problem]:
    known = {parameter["name"] for parameter in parameters}
    what = f"experiment {experiment.experiment_id} has no such parameter"
    return [Problem(name, what, "leave it out") for name in line.elements if name not in known]


def _search(
    block: DictConfig,
    experiment: SigOptExperiment,
    folder: SweepFolder,
    job_configs: JobConfigs,
    task: Task,
    resume: Sequence[str],
) -> Any:
    details = experiment.get_experiment_details()
    config, line = job_configs.master, job_configs.line
    OmegaConf.save(config, folder.path / "multirun.yaml")
    metrics = metrics_of(details)
    recorded = RecordedTask(task, [metric.name for metric in metrics], block.job_timeout, this_process())
    asked = block if "sigopt.parallel_bandwidth" in line.block_keys else details
    slots = asked.parallel_bandwidth or 1
    executor = choose_executor(Launch(job_configs.context, recorded, config), slots)
    display = Display(details.observation_budget)
    display.labelled("sweep", _headline(block, experiment, details, executor.slots))
    if executor.slots < slots:
        display.labelled("", _few_slots(config, executor.slots))
    ending = Ending(
        folder.path,
        metrics,
        resume,
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


def _headline(block: DictConfig, experiment: SigOptExperiment, details: Any, slots: int) -> str:
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


def _lasting_arguments(config: DictConfig) -> list[str]:
    """Return what was typed, but for what is said once."""
    overrides = config.hydra.overrides
    once = ("hydra.mode=", "sigopt.experiment_id=", "sigopt.create=")
    lasting = [entry for entry in (*overrides.hydra, *overrides.task) if not entry.startswith(once)]
    return [*config_options(sys.argv[1:]), "-m", *lasting]
