"""Everything about a search that can be checked before a suggestion is drawn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sigtune.config.keys import missing_keys, nearest_key, value_at
from sigtune.definition.validation import experiment_problems
from sigtune.errors import Problem, UsageError
from sigtune.tuning.block import experiment_definition
from sigtune.tuning.connection import connect
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.experiment_class import experiment_class
from sigtune.tuning.overrides import tuned_keys, unread_parameters

_NO_SEARCH = "choose an experiment that has a search, or write a sigopt block with name and parameters"


def search_problems(
    config: DictConfig,
    block: DictConfig,
    overridden: Collection[str],
    is_direct: Callable[[str], bool] = lambda name: False,
) -> list[Problem]:
    """Return everything that is wrong with the search in `block` for the app config `config`.

    `overridden` are the config keys given on the command line. `is_direct` tells the parameters that need no
    way into the config, being overrides of their own name. The definition of an experiment that exists
    (`sigopt.experiment_id`) is SigOpt's, so the block's own is not looked at.
    """
    exists = block.experiment_id is not None
    problems = [] if exists else definition_problems(block)
    definition = experiment_definition(block)
    try:
        connect(block.backend, block.store, block.seed)
    except UsageError as error:
        problems += error.problems
    try:
        klass = experiment_class(block)
    except UsageError as error:
        return [*problems, *error.problems]
    parameters = definition["parameters"]
    if exists or not parameters or any(p.key.startswith("sigopt.parameters") for p in problems):
        return problems  # where a parameter is wrong in itself, what it tunes cannot be told
    mapped = [parameter for parameter in parameters if not is_direct(parameter["name"])]
    return problems + mapping_problems(config, klass(), mapped, overridden)


def definition_problems(block: DictConfig) -> list[Problem]:
    """Return what is wrong with the experiment's definition itself."""
    if not block.parameters and OmegaConf.is_missing(block, "name"):
        return [Problem("sigopt", "defines no experiment", _NO_SEARCH)]
    return [
        Problem(f"sigopt.{problem.key}" if problem.key else "sigopt", problem.what, problem.remedy)
        for problem in experiment_problems(experiment_definition(block))
    ]


def mapping_problems(
    config: DictConfig,
    experiment: SigOptExperiment,
    parameters: Sequence[Mapping[str, Any]],
    overridden: Collection[str],
) -> list[Problem]:
    """Return the parameters that do not reach the config, and the tuned keys that have another value."""
    keys, problems = tuned_keys(config, experiment, parameters)
    if problems:
        return problems
    problems = unread_problems(config, experiment, parameters) + missing_values(config, keys)
    for key in sorted(keys):
        if key in overridden:
            problems.append(Problem(key, "is tuned, and also given on the command line", "leave it out"))
        elif (value := value_at(config, key)) is not None:
            what = f"is tuned, and also has the value {value} in the config"
            # OmegaConf lets no ??? of a later file undo the value of an earlier one.
            problems.append(Problem(key, what, "??? in the file that gives it the value"))
    return problems


def unread_problems(
    config: DictConfig, experiment: SigOptExperiment, parameters: Sequence[Mapping[str, Any]]
) -> list[Problem]:
    """Return the parameters that no mixin reads and that are no config key, with the key probably meant."""
    mixins = " and ".join(name for name in experiment.get_execution_order() if name != "SigOptExperiment")
    what = f"no config key, and not read by {mixins}" if mixins else "no config key, and no mixin reads it"
    return [
        Problem(f"sigopt.parameters.{name}", what, nearest_key(name, config))
        for name in unread_parameters(config, experiment, parameters)
    ]


def missing_values(config: DictConfig, except_for: Collection[str] = ()) -> list[Problem]:
    """Return the config keys that are `???`, but for those in `except_for`, which get a value yet."""
    return [
        Problem(key, "has no value", f"{key}=…, or a parameter that tunes it")
        for key in sorted(missing_keys(config) - set(except_for))
        if not key.startswith(("sigopt.", "hydra."))
    ]
