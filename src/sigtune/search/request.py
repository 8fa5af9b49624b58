"""What a search is asked for: the `sigopt` block of the app, and the overrides of the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from sigtune.checks.passwords import hide_resolved_password, override_problems, password_problems
from sigtune.checks.preflight import preflight_problems
from sigtune.checks.search import OpenedSearch
from sigtune.checks.sweep import SweepInput, check_sweep
from sigtune.errors import Code, Problem, UsageError
from sigtune.invocation import resume_command, typed_overrides
from sigtune.search.executors.registry import launcher_problems, runs_elsewhere
from sigtune.search.job_configs import JobConfigs
from sigtune.search.job_folders import subdir_problems
from sigtune.search.search_space import CommandLine, read_command_line, use_current_values
from sigtune.tuning.block import SearchBlock, read_block
from sigtune.tuning.drawn_seed import base_seed

Task = Callable[[DictConfig], Any]


@dataclass(frozen=True)
class SearchRequest:
    """A search as it was asked for. The block has the parameters of the command line beside its own.

    `typed` are all overrides of the command line, as they were before the sweep changed the config.
    """

    block: SearchBlock
    line: CommandLine
    typed: Sequence[str]
    job_configs: JobConfigs
    task: Task

    @property
    def context(self) -> HydraContext:
        """Hydra's own parts: the loader of configs, and the callbacks."""
        return self.job_configs.context

    @property
    def config(self) -> DictConfig:
        """The config of the sweep, with its `hydra` section."""
        return self.job_configs.master

    @property
    def config_name(self) -> str:
        """The name of the app's primary config."""
        return str(self.config.hydra.job.config_name)

    @property
    def block_keys(self) -> set[str]:
        """The keys of the `sigopt` block as the app composes it; without the schema it has few."""
        block = OmegaConf.select(self.config, "sigopt")
        return set(map(str, block)) if isinstance(block, DictConfig) else set()

    def resume_command(self, experiment_id: str) -> str:
        """Return the command that resumes this search."""
        return resume_command(experiment_id, self.typed, self.block_keys)


def read_request(
    block: Any, context: HydraContext, task: Task, config: DictConfig, arguments: Sequence[str]
) -> SearchRequest:
    """Read what Hydra hands the sweeper. Raises UsageError where the block does not fit its schema."""
    own = read_block(block)
    line = read_command_line(arguments, context.config_loader)
    job_configs = JobConfigs(context, config, line)
    use_current_values(line.parameters, job_configs.current_value, job_configs.is_int)
    own = own.with_parameters(line.parameters)
    typed = typed_overrides(config)
    hide_resolved_password(config, job_configs.compose(), typed)
    return SearchRequest(own, line, typed, job_configs, task)


def check_request(request: SearchRequest) -> OpenedSearch:
    """Return the search, connected. Raises UsageError with everything that is wrong with the request."""
    line, job_configs, block = request.line, request.job_configs, request.block
    given = SweepInput(
        overridden=line.fixed_keys,
        block_keys=line.block_keys,
        tuned=list(line.elements),
        problems=[
            *line.problems,
            *(override_problems(request.typed) or password_problems(job_configs.compose())),
            *job_configs.group_problems(line.parameters),
            *launcher_problems(request.config),
        ],
        is_direct=job_configs.is_direct,
        compose=job_configs.compose_with,
    )
    checked = check_sweep(block, given, partial(_preflight_problems, request))
    assert checked.klass is not None
    problems = subdir_problems(job_configs, checked.klass(), checked.parameters)
    if not block.definition.get("conditionals"):  # under another condition other keys are there
        problems = [*problems, *job_configs.choice_problems(checked.parameters)]
    if problems:
        raise UsageError(problems)
    job_configs.repeats(block.repeats, block.repeat_key)
    if block.seed_per_suggestion:
        base_seed(job_configs.compose(), block.repeat_key)
    return checked


def _preflight_problems(request: SearchRequest, job_config: DictConfig) -> list[Problem]:
    """Return what the task's own check finds, but what this machine lacks only where the jobs run on it."""
    problems = preflight_problems(request.task, job_config)
    if not runs_elsewhere(request.config):
        return problems
    return [problem for problem in problems if problem.code is not Code.THIS_MACHINE]
