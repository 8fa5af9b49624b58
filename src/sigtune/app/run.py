"""What a Hydra app does with a composed config: create an experiment, work for one, or run its task."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from sigtune.app.run_check import checked_run
from sigtune.app.untouched_folder import remove_untouched_folder
from sigtune.checks.preflight import Check
from sigtune.checks.run import default_values, set_values
from sigtune.errors import UsageError
from sigtune.invocation import exit_with
from sigtune.terminal import LABEL_WIDTH, print_wrapped
from sigtune.tuning.block import read_block

Task = Callable[[DictConfig], Any]


def run(config: DictConfig, task: Task, check: Check) -> Any:
    """Do what the config asks for, and return what `task`, which is given the config, has returned.

    Raises UsageError inside a sweep, for the sweeper to stop at; outside one the process ends with exit
    code 2 and the list of problems.
    """
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return _run_job(config, task)
    try:
        return _run_once(config, task, check)
    except UsageError as error:
        remove_untouched_folder()
        exit_with(error)


def _run_job(config: DictConfig, task: Task) -> Any:
    """Run the task as a job of a sweep: its check was the sweep's, which gave every tuned key its value."""
    values, problems = default_values(config, read_block(config.get("sigopt")))
    if problems:
        raise UsageError(problems)
    return task(set_values(config, values))


def _run_once(config: DictConfig, task: Task, check: Check) -> Any:
    overrides = list(HydraConfig.get().overrides.task)
    checked = checked_run(config, overrides, check)
    if checked.block.create:
        from sigtune.app.create import create

        create(checked, overrides)
        return None
    if checked.experiment is not None:
        from sigtune.app.worker import work

        return work(config, checked, task)
    returned = task(set_values(config, checked.default_values))
    parts = [_format_metrics(returned), HydraConfig.get().runtime.output_dir]
    done = " · ".join(part for part in parts if part)
    print_wrapped(f"{'done':<{LABEL_WIDTH}} {done}", LABEL_WIDTH + 1, sys.stdout)
    return returned


def _format_metrics(returned: Any) -> str:
    """Return what a task has returned in words, as far as it is numbers."""
    if isinstance(returned, Mapping):
        # Lightning's LearningRateMonitor leaves the last learning rates among the metrics, as lr-OPTIMIZER.
        named = {name: value for name, value in returned.items() if not str(name).startswith("lr-")}
        return " · ".join(f"{name} {number}" for name, value in named.items() for number in _number(value))
    values = returned if isinstance(returned, list | tuple) else [returned]
    return " · ".join(number for value in values for number in _number(value))


def _number(value: Any) -> list[str]:
    """Return a number, or what holds a single one, with four digits; nothing for any other value."""
    try:
        return [f"{float(value):.4f}"]
    except (TypeError, ValueError, RuntimeError):  # the last is torch's, for a tensor of several numbers
        return []
