"""Set a search up: read the command line, check everything, open the experiment, start the loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, flag_override, open_dict

from sigtune.errors import UsageError
from sigtune.tuning.checks import mapping_problems, parameters_of, search_problems
from sigtune.tuning.connection import describe_backend
from sigtune.tuning.creation import open_experiment
from sigtune.tuning.definition import read_block
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.overrides import Point, as_overrides, changed_values
from sigtune.tuning.preflight import preflight_problems

from ._display import Display, command
from ._executors import OneByOneExecutor
from ._job import RecordedTask
from ._journal import Journal
from ._search import Search
from .search_space import CommandLine, read_command_line


@dataclass(frozen=True)
class JobConfigs:
    """Composes the app's config for a job, and turns a suggestion into the overrides of one."""

    context: HydraContext
    master: DictConfig
    fixed: Sequence[str]

    def compose(self, extra: Sequence[str] = ()) -> DictConfig:
        """Return the app's config with the fixed overrides and `extra`; tuned keys are still missing."""
        config = self.context.config_loader.load_sweep_config(self.master, [*self.fixed, *extra])
        with open_dict(config):
            del config["hydra"]
        return config

    def overrides_for(self, experiment: SigOptExperiment, suggestion: Any) -> list[str]:
        """Return all overrides of the suggestion's job, ordinary config keys only."""
        groups, values = self._split(suggestion.assignments)
        choices = [f"{group}={choice}" for group, choice in groups.items()]
        point = Point(values, getattr(suggestion, "task", None))
        changes = changed_values(self.compose(choices), experiment, point)
        return [*self.fixed, *choices, *as_overrides(changes)]

    def groups(self, names: Sequence[str]) -> set[str]:
        """Return which of the names are config groups rather than keys."""
        loader = self.context.config_loader
        return {
            name for name in names if name.rpartition("/")[2] in loader.list_groups(name.rpartition("/")[0])
        }

    def _split(self, assignments: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        groups = self.groups(list(assignments))
        return (
            {name: value for name, value in assignments.items() if name in groups},
            {name: value for name, value in assignments.items() if name not in groups},
        )


def sweep(
    block_config: Any,
    context: HydraContext,
    task: Callable[[DictConfig], Any],
    config: DictConfig,
    arguments: Sequence[str],
) -> Any:
    """Run the search that `SigOptSweeper.sweep` is asked for."""
    block = read_block(block_config)
    line = read_command_line(arguments, context.config_loader)
    _fix_sweep_folder(config)
    job_configs = JobConfigs(context, config, line.fixed)
    _check(block, line, job_configs, task)
    experiment = open_experiment(block)
    details = experiment.get_experiment_details()
    if block.experiment_id is not None:
        problems = mapping_problems(
            job_configs.compose(), experiment, parameters_of(details), line.fixed_keys
        )
        if problems:
            raise UsageError(problems)
    folder = Path(config.hydra.sweep.dir)
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, folder / "multirun.yaml")
    display = Display(details.observation_budget)
    metrics = [metric.name for metric in details.metrics]
    launcher = _launcher(context, RecordedTask(task, metrics), config)
    executor = OneByOneExecutor(launcher)
    slots = min(details.parallel_bandwidth or 1, executor.slots)
    display.labelled(
        "sweep",
        f'experiment {experiment.experiment_id} "{details.name}" · '
        f"{describe_backend(block.backend, block.store)} · {details.observation_budget} observations · "
        f"{slots} slot{'' if slots == 1 else 's'}",
    )
    search = Search(
        experiment,
        executor,
        slots,
        Journal(folder),
        display,
        lambda suggestion: job_configs.overrides_for(experiment, suggestion),
        block.max_consecutive_failures,
    )
    resume = command([*line.fixed, f"sigopt.experiment_id={experiment.experiment_id}"], multirun=True)
    return search.run(resume)


def _check(
    block: DictConfig, line: CommandLine, job_configs: JobConfigs, task: Callable[[DictConfig], Any]
) -> None:
    """Raise UsageError with everything that is wrong, before anything is created."""
    job_config = job_configs.compose()
    with flag_override(block, "struct", False):
        block.parameters = [*block.parameters, *line.parameters]
    problems = [*line.problems, *search_problems(job_config, block, line.fixed_keys)]
    problems += preflight_problems(task, job_config)
    if problems:
        raise UsageError(problems)


def _fix_sweep_folder(config: DictConfig) -> None:
    # With ${now:} unresolved, every worker process that reads the config would get a folder of its own.
    with flag_override(config, "readonly", False), open_dict(config):
        config.hydra.sweep.dir = str(config.hydra.sweep.dir)


def _launcher(context: HydraContext, task: RecordedTask, config: DictConfig) -> Launcher:
    # The basic launcher logs two lines a job, which would stand between the lines of the display.
    logging.getLogger("hydra._internal.core_plugins.basic_launcher").setLevel(logging.WARNING)
    return Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)
