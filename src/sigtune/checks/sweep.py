"""Everything that is wrong with a sweep, found before an experiment is created or a suggestion is drawn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from sigtune.checks.preflight import Check
from sigtune.checks.search import OpenedSearch, mapping_problems, open_search, optimizer_problems
from sigtune.errors import Problem, UsageError
from sigtune.tuning.block import SearchBlock


@dataclass(frozen=True)
class SweepInput:
    """What a sweep's command line asks for, as its check needs it.

    `overridden` are the config keys that are given a value, `block_keys` those of the `sigopt` block, `tuned`
    those that are given a space to search, and `problems` what is wrong with the command line itself.
    `is_direct` says of a parameter's name whether it is itself an override, and needs no mixin; `compose`
    returns the app's config with those at a value.
    """

    overridden: Collection[str]
    block_keys: Collection[str]
    tuned: Sequence[str]
    problems: Sequence[Problem]
    is_direct: Callable[[str], bool]
    compose: Callable[[Sequence[dict[str, Any]]], DictConfig]


def check_sweep(block: SearchBlock, given: SweepInput, preflight: Check) -> OpenedSearch:
    """Return the search, opened. Raises UsageError with everything that is wrong with it."""
    problems = [*given.problems, *option_problems(block), *optimizer_problems(block)]
    if problems:
        raise UsageError(problems)
    tuned = {f"sigopt.parameters.{name}" for name in given.tuned}
    search = open_search(block, {*given.block_keys, *tuned})
    if block.experiment_id is not None and not search.details:
        raise UsageError(search.problems)
    problems += search.problems
    direct = [parameter for parameter in search.parameters if given.is_direct(parameter["name"])]
    mapped = [parameter for parameter in search.parameters if not given.is_direct(parameter["name"])]
    config = given.compose(direct)
    problems += mapping_problems(config, search.klass, mapped, {*given.overridden, *given.tuned})
    problems += [
        Problem(name, "is tuned, and also given on the command line", "leave one of them out")
        for name in sorted(set(given.overridden) & set(given.tuned))
    ]
    problems += preflight(config)
    if problems:
        raise UsageError(problems)
    return search


def option_problems(block: SearchBlock) -> list[Problem]:
    """Return what is wrong with the options that are the sweep's rather than the experiment's."""
    problems = [
        Problem(f"sigopt.{name}={value}", "is too small", "1 or more")
        for name, value in (
            ("repeats", block.repeats),
            ("max_consecutive_failures", block.max_consecutive_failures),
        )
        if value < 1
    ]
    problems += [
        Problem(f"sigopt.{name}={value}", "is too small", "0 or more")
        for name, value in (("max_lost_runs", block.max_lost_runs), ("max_retries", block.max_retries))
        if value < 0
    ]
    if block.seed_per_suggestion and block.repeats > 1:
        what = "repeats have seeds of their own, the same for every suggestion"
        problems.append(Problem(f"sigopt.repeats={block.repeats}", what, "sigopt.seed_per_suggestion=false"))
    if block.job_timeout is not None and block.job_timeout <= 0:
        what = "is not a time"
        problems.append(Problem(f"sigopt.job_timeout={block.job_timeout}", what, "seconds, or null"))
    return problems
