"""The app's config for each job: what a suggestion becomes in Hydra's terms."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from hydra.errors import ConfigCompositionException
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, IntegerNode, open_dict

from sigtune.config.keys import node_at, value_at
from sigtune.errors import Problem
from sigtune.search.search_space import CommandLine, group_options
from sigtune.tuning.drawn_seed import base_seed, drawn_seed
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.overrides import as_overrides
from sigtune.tuning.suggested_values import Point, changed_values, extreme


class JobConfigs:
    """Composes the app's config for a job, and turns a suggestion into the overrides of one."""

    def __init__(self, context: HydraContext, master: DictConfig, line: CommandLine) -> None:
        self.context = context
        self.master = master
        self.line = line
        # Both take Hydra tens of milliseconds, and are the same for most suggestions.
        self._composed = functools.lru_cache(maxsize=8)(self._compose)
        self._groups_in = functools.lru_cache(context.config_loader.list_groups)

    def compose(self, extra: Sequence[str] = ()) -> DictConfig:
        """Return the app's config with the fixed overrides and `extra`; tuned keys are still missing."""
        return self._composed(tuple(extra))[0]

    def _compose(self, extra: tuple[str, ...]) -> tuple[DictConfig, DictConfig]:
        """Return the app's config, and the choice of each of its groups."""
        config = self.compose_with_hydra([*self.line.fixed, *extra])
        choices = config.hydra.runtime.choices
        with open_dict(config):
            del config["hydra"]
        return config, choices

    def compose_with_hydra(self, overrides: Sequence[str]) -> DictConfig:
        """Return the app's config with these overrides and no others, and with its `hydra` section."""
        return self.context.config_loader.load_sweep_config(self.master, list(overrides))

    def current_value(self, name: str) -> Any:
        """Return the value of a key, or the choice of a group, where it is not tuned."""
        config, choices = self._composed(())
        return choices.get(name) if self.is_group(name) else value_at(config, name)

    def is_int(self, name: str) -> bool:
        """Return whether a schema declares the key to be a whole number."""
        return isinstance(node_at(self.compose(), name), IntegerNode)

    def sweeps_by_itself(self) -> bool:
        """Return whether the app's config says that it is a sweep, without `-m` on the command line."""
        loader, name = self.context.config_loader, str(self.master.hydra.job.config_name)
        config = loader.load_configuration(name, self.line.fixed, RunMode.RUN)
        return bool(config.hydra.mode == RunMode.MULTIRUN)

    def compose_with(self, direct: Sequence[dict[str, Any]]) -> DictConfig:
        """Return the config with these parameters, which are set directly, at their first values."""
        return self.compose([self.line.override_for(p["name"], extreme(p, 0)) for p in direct])

    def choice_problems(self, parameters: Iterable[dict[str, Any]]) -> list[Problem]:
        """Return the choices of tuned keys that a schema does not take, where the first one is taken."""
        direct = [one for one in parameters if self.is_direct(one["name"])]
        problems = []
        for parameter in direct:
            others = [one for one in direct if one is not parameter]
            values = parameter.get("categorical_values") or ()
            choices = () if self.is_group(parameter["name"]) else values[1:]
            for choice in choices:
                what = self._refusal([*others, {**parameter, "categorical_values": [choice]}])
                if what is not None:
                    problems.append(Problem(f"{parameter['name']}={choice}", what))
        return problems

    def _refusal(self, direct: Sequence[dict[str, Any]]) -> str | None:
        """Return why the config cannot be composed with these parameters; None where it can."""
        try:
            self.compose_with(direct)
        except ConfigCompositionException as error:
            return str(error.__cause__ or error).partition("\n")[0]
        return None

    def overrides_for(
        self, experiment: SigOptExperiment, suggestion: Any, drawn_seed_key: str | None = None
    ) -> list[str]:
        """Return all overrides of the suggestion's job, ordinary config keys and groups only.

        `drawn_seed_key` is the key of the seed where each suggestion has one of its own.
        """
        assignments = dict(suggestion.assignments)
        direct = [
            self.line.override_for(name, value) for name, value in assignments.items() if self.is_direct(name)
        ]
        others = {name: value for name, value in assignments.items() if not self.is_direct(name)}
        point = Point(others, getattr(suggestion, "task", None))
        changes = changed_values(self.compose(direct), experiment, point)
        overrides = [*self.line.fixed, *direct, *as_overrides(changes)]
        if drawn_seed_key is None:
            return overrides
        seed = drawn_seed(self.compose(), drawn_seed_key, suggestion)
        kept = [override for override in overrides if override.partition("=")[0] != drawn_seed_key]
        return [*kept, f"{drawn_seed_key}={seed}"]

    def repeats(self, count: int, key: str) -> list[list[str]]:
        """Return what each of `count` runs of a job has besides: another value of the seed at `key`.

        Raises UsageError where there is no seed to vary.
        """
        if count == 1:
            return [[]]
        seed = base_seed(self.compose(), key)
        return [[f"{key}={seed + index}"] for index in range(count)]

    def is_direct(self, name: str) -> bool:
        """Return whether a parameter is an override of its own name: typed as one, or a group."""
        return name in self.line.elements or self.is_group(name)

    def is_group(self, name: str) -> bool:
        """Return whether the name is a config group rather than a key."""
        parent, _, group = name.rpartition("/")
        return group in self._groups_in(parent)

    def group_problems(self, parameters: Iterable[dict[str, Any]]) -> list[Problem]:
        """Return the choices of tuned config groups that do not exist."""
        problems = []
        for parameter in parameters:
            name = parameter["name"]
            if self.is_group(name):
                options = group_options(name, self.context.config_loader)
                problems += [
                    Problem(f"{name}={choice}", "no such choice", " or ".join(options))
                    for choice in parameter.get("categorical_values", ())
                    if choice not in options
                ]
        return problems
