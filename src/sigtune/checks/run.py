"""Everything that is wrong with a single run, found before anything is created or trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sigtune.checks.passwords import password_problems
from sigtune.checks.preflight import Check
from sigtune.checks.search import (
    definition_problems,
    mapping_problems,
    missing_values,
    open_search,
    optimizer_problems,
    unused_problems,
)
from sigtune.config.keys import missing_keys
from sigtune.config.validation import added_key_problems
from sigtune.errors import Problem, UsageError, with_those_of_other_keys
from sigtune.tuning.block import SearchBlock, default_assignments, read_block
from sigtune.tuning.changes import Changes
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.experiment_class import experiment_class
from sigtune.tuning.suggested_values import Point, changed_values


@dataclass(frozen=True)
class CheckedRun:
    """A single run that may begin, and what its check has opened.

    `experiment` is connected where the run creates one or works for one, and `details` is SigOpt's Experiment
    object where it exists, with the `changes` that the run asks for. `default_values` are those of the tuned
    keys, in a run without a search.
    """

    block: SearchBlock
    experiment: SigOptExperiment | None = None
    details: Any = None
    changes: Changes = field(default_factory=Changes)
    default_values: Mapping[str, Any] = field(default_factory=dict)


def check_run(config: DictConfig, overridden: Collection[str], can_train: Check) -> CheckedRun:
    """Raise UsageError with everything that is wrong with a single run of the config.

    `overridden` are the config keys given on the command line; `can_train` is the check of what only a run
    that trains needs of this machine.
    """
    try:
        block = read_block(config.get("sigopt"))
    except UsageError as error:
        found = added_key_problems(config)
        raise UsageError(with_those_of_other_keys(error.problems, found)) from None
    if block.create:
        run, problems = _check_creation(config, block, overridden)
    elif block.experiment_id is not None:
        run, problems = _check_worker(config, block, overridden)
    else:
        run, problems = _check_plain(config, block)
    problems += password_problems(config)
    problems += added_key_problems(config) if block.create else can_train(config)
    if problems:
        raise UsageError(problems)
    return run


def _check_creation(
    config: DictConfig, block: SearchBlock, overridden: Collection[str]
) -> tuple[CheckedRun, list[Problem]]:
    if block.experiment_id is not None:
        what = "given with an experiment_id, which exists"
        return CheckedRun(block), [Problem("sigopt.create=true", what, "leave one of them out")]
    search = open_search(block, overridden)
    problems = mapping_problems(config, search.klass, search.parameters, overridden)
    return CheckedRun(block, search.experiment), [*search.problems, *problems]


def _check_worker(
    config: DictConfig, block: SearchBlock, overridden: Collection[str]
) -> tuple[CheckedRun, list[Problem]]:
    search = open_search(block, overridden)
    problems = mapping_problems(config, search.klass, search.parameters, overridden)
    run = CheckedRun(block, search.experiment, search.details, search.changes)
    return run, [*search.problems, *problems, *optimizer_problems(block)]


def _check_plain(config: DictConfig, block: SearchBlock) -> tuple[CheckedRun, list[Problem]]:
    problems = definition_problems(block) if block.parameters else []
    if problems:
        return CheckedRun(block), problems  # where the parameters are wrong, so are their default values
    try:
        values, problems = default_values(config, block)
        problems += unused_problems(config, experiment_class(block.experiment_class), block.parameters)
    except UsageError as error:
        return CheckedRun(block), list(error.problems)
    return CheckedRun(block, default_values=values), problems


def default_values(config: DictConfig, block: SearchBlock) -> tuple[dict[str, Any], list[Problem]]:
    """Return what each tuned key that has no value is set to by its parameter's default value.

    The problems name every key that still has none, and the parameters that could have given it one. Raises
    UsageError where a default value cannot be applied.
    """
    missing = missing_keys(config)
    values: dict[str, Any] = {}
    if missing and block.parameters:
        experiment = experiment_class(block.experiment_class)()
        point = Point(default_assignments(block.parameters))
        changes = changed_values(config, experiment, point)
        values = {key: value for key, value in changes.items() if key in missing}
    problems = missing_values(config, values)
    if problems:
        problems += [
            Problem(
                f"sigopt.parameters.{parameter.get('name')}",
                "has no default_value for a run without a search",
                "give it one, or search with -m hydra/sweeper=sigopt",
            )
            for parameter in block.parameters
            if "default_value" not in parameter
        ]
    return values, problems


def set_values(config: DictConfig, values: Mapping[str, Any]) -> DictConfig:
    """Return a copy of the config with these values at these keys."""
    filled = config.copy()
    for key, value in values.items():
        OmegaConf.update(filled, key, value)
    return filled
