"""Which config keys the parameters of a search set, as the mixins declare it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from sigtune.config.keys import is_key
from sigtune.errors import Problem
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.declaration import same_key_problems
from sigtune.tuning.undeclared import has_undeclared_mixin, observed_keys


@dataclass(frozen=True)
class TunedKeys:
    """The config keys that parameters set, the parameters that set none, and those that set the same key."""

    keys: frozenset[str]
    unused: Sequence[str]
    conflicts: Sequence[Problem]


def tuned_keys(
    config: DictConfig, klass: type[SigOptExperiment], parameters: Sequence[Mapping[str, Any]]
) -> TunedKeys:
    """Return what the parameters of an experiment of class `klass` set in `config`.

    A parameter sets the key of its own name, where there is one, and the keys that the mixins declare.
    """
    declared = declared_keys(klass)
    own = {p["name"]: {p["name"]} if is_key(config, p["name"]) else set() for p in parameters}
    keys = {name: declared.get(name, set()) | own[name] for name in own}
    conflicts = same_key_problems(keys)
    if has_undeclared_mixin(klass):
        changed, read = observed_keys(config, klass, parameters)
        unused = [name for name in keys if not own[name] and name not in read]
        return TunedKeys(frozenset(changed), unused, conflicts)
    return TunedKeys(frozenset[str]().union(*keys.values()), [n for n in keys if not keys[n]], conflicts)


def declared_keys(klass: type[SigOptExperiment]) -> dict[str, set[str]]:
    """Return the config keys that each parameter sets, by what the mixins of `klass` declare."""
    keys: dict[str, set[str]] = {}
    for mixin in klass.__mro__:
        for name, key in vars(mixin).get("sets", {}).items():
            keys.setdefault(name, set()).add(key.name)
    return keys
