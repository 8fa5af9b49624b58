"""Everything about a search that can be checked before a suggestion is drawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from omegaconf import DictConfig

from sigtune.config.keys import missing_keys, nearest_key, refers_to, value_at
from sigtune.definition.validation import experiment_problems
from sigtune.errors import Code, Problem, UsageError
from sigtune.tuning.block import SearchBlock
from sigtune.tuning.changes import Changes, asked_changes, asked_fields
from sigtune.tuning.connection import is_server
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.experiment_class import experiment_class
from sigtune.tuning.experiment_details import conditional_parameters, parameters_of
from sigtune.tuning.opening import connect_experiment, fetch_details
from sigtune.tuning.suggested_values import refused_values
from sigtune.tuning.tuned_keys import tuned_keys

_NO_SEARCH = "choose an experiment that has a search, or write a sigopt block with name and parameters"


@dataclass
class OpenedSearch:
    """A search, as far as it could be opened without creating anything, and what is wrong with it.

    `details` is SigOpt's Experiment object where the experiment exists. `parameters` are those of the
    experiment that exists, once it has the `changes` asked for, or else of the block; none where they are
    not known, or wrong in themselves.
    """

    klass: type[SigOptExperiment] | None = None
    experiment: SigOptExperiment | None = None
    details: Any = None
    changes: Changes = field(default_factory=Changes)
    parameters: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def open_search(block: SearchBlock, overridden: Collection[str]) -> OpenedSearch:
    """Check the definition, load the experiment class, connect, and fetch the experiment where it exists.

    Of the block of an experiment that exists (`sigopt.experiment_id`) only what the command line gives is
    looked at, whose keys are `overridden`: as changes to the experiment.
    """
    search = OpenedSearch()
    exists = block.experiment_id is not None
    if not exists:
        search.problems += definition_problems(block)
        if not any(problem.code is Code.WRONG_PARAMETER for problem in search.problems):
            search.parameters = _readable_parameters(block)
    try:
        search.klass = experiment_class(block.experiment_class)
    except UsageError as error:
        search.problems += error.problems
    try:
        search.experiment = connect_experiment(block, search.klass or SigOptExperiment)
        if exists:
            search.details = fetch_details(search.experiment)
            _add_changes(search, block, overridden)
    except UsageError as error:
        search.problems += error.problems
    return search


def _add_changes(search: OpenedSearch, block: SearchBlock, overridden: Collection[str]) -> None:
    fields = asked_fields(overridden)
    wrong = [problem for problem in definition_problems(block) if asked_fields([problem.key]) & fields]
    search.problems += wrong
    if not wrong:
        search.changes = asked_changes(block, search.details, overridden)
        search.problems += search.changes.problems
    search.parameters = search.changes.parameters(parameters_of(search.details))


def optimizer_problems(block: SearchBlock) -> list[Problem]:
    """Return that nothing is there to compute the suggestions of the local backend with."""
    if is_server(block.backend) or all(find_spec(package) for package in ("scipy", "botorch")):
        return []
    what = "its suggestions are computed by sigtune[local], which is not installed"
    remedy = "pip install 'sigtune[local]', or a server: SIGOPT_KEY and SIGOPT_API_URL"
    return [Problem("sigopt.backend=local", what, remedy)]


def definition_problems(block: SearchBlock) -> list[Problem]:
    """Return what is wrong with the experiment's definition itself; a server checks it by its own rules."""
    if not block.parameters and "name" not in block.definition:
        return [Problem("sigopt", "defines no experiment", _NO_SEARCH)]
    if is_server(block.backend):
        return []
    return [
        Problem(f"sigopt.{found.key}" if found.key else "sigopt", found.what, found.remedy, code=found.code)
        for found in experiment_problems(block.definition)
    ]


def _readable_parameters(block: SearchBlock) -> list[dict[str, Any]]:
    """Return the block's parameters and conditionals, if each has a name and values; or else none.

    Where a server checks the definition, it tells what is wrong with them.
    """
    parameters = [*block.parameters, *conditional_parameters(block.definition.get("conditionals", []))]
    return parameters if all(_is_readable(parameter) for parameter in parameters) else []


def _is_readable(parameter: Mapping[str, Any]) -> bool:
    has_values = parameter.get("grid") or parameter.get("categorical_values")
    has_bounds = {"min", "max"} <= parameter.get("bounds", {}).keys()
    return bool(parameter.get("name") and parameter.get("type") and (has_values or has_bounds))


def mapping_problems(
    config: DictConfig,
    klass: type[SigOptExperiment] | None,
    parameters: Sequence[Mapping[str, Any]],
    overridden: Collection[str],
) -> list[Problem]:
    """Return the parameters that do not reach the config, and the tuned keys that have another value.

    `overridden` are the config keys given on the command line. Without an experiment class, or parameters,
    there is nothing to tell.
    """
    if klass is None or not parameters:
        return []
    problems = refused_values(config, klass(), parameters)
    if problems:
        return problems
    tuned = tuned_keys(config, klass, parameters)
    fallback = _keys_with_a_fallback(config, klass, parameters)
    problems = [*_unused_problems(config, klass, tuned.unused), *tuned.conflicts]
    problems += missing_values(config, tuned.keys)
    for key in sorted(tuned.keys):
        if key in overridden:
            problems.append(Problem(key, "is tuned, and also given on the command line", "leave it out"))
        elif key in fallback or refers_to(config, key, tuned.keys):
            continue
        elif (value := value_at(config, key)) is not None:
            what = f"is tuned, and also has the value {value} in the config"
            # OmegaConf lets no ??? of a later file undo the value of an earlier one.
            problems.append(Problem(key, what, "??? in the file that gives it the value"))
    return problems


def _keys_with_a_fallback(
    config: DictConfig, klass: type[SigOptExperiment], parameters: Sequence[Mapping[str, Any]]
) -> frozenset[str]:
    """Return the keys of parameters with conditions: where these do not hold, the config's value counts."""
    dependent = [parameter for parameter in parameters if parameter.get("conditions")]
    return tuned_keys(config, klass, dependent).keys if dependent else frozenset()


def unused_problems(
    config: DictConfig, klass: type[SigOptExperiment], parameters: Sequence[Mapping[str, Any]]
) -> list[Problem]:
    """Return the parameters that set no config key, with the key probably meant."""
    return _unused_problems(config, klass, tuned_keys(config, klass, parameters).unused)


def _unused_problems(
    config: DictConfig, klass: type[SigOptExperiment], names: Sequence[str]
) -> list[Problem]:
    writers = klass.get_execution_order()["update_config_with_suggestion"]
    mixins = " and ".join(name for name in writers if name != "SigOptExperiment")
    what = f"no config key, and not read by {mixins}" if mixins else "no config key, and no mixin reads it"
    return [Problem(f"sigopt.parameters.{name}", what, nearest_key(name, config)) for name in names]


def missing_values(config: DictConfig, except_for: Collection[str] = ()) -> list[Problem]:
    """Return the config keys that are `???`, but for those in `except_for`, which get a value yet."""
    return [
        Problem(key, "has no value", f"{key}=…, or a parameter that tunes it", code=Code.NO_VALUE)
        for key in sorted(missing_keys(config) - set(except_for))
        if not key.startswith(("sigopt.", "hydra."))
    ]
