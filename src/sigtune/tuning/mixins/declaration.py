"""How a mixin declares which config keys its parameters set: `sets = {"gamma": Key("scheduler.gamma")}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sigtune.errors import Problem, UsageError


@dataclass(frozen=True)
class Key:
    """The config key that a parameter sets: to the assignment, or to `function(assignment, *reads)`.

    `reads` are config keys whose values the function is given besides. The function raises UsageError for an
    assignment that the key cannot have.
    """

    name: str
    function: Callable[..., Any] | None = None
    reads: tuple[str, ...] = ()

    def value(self, config: DictConfig, assignment: Any) -> Any:
        """Return what the key is set to. Raises MissingMandatoryValue where a key it reads has no value."""
        if self.function is None:
            return assignment
        read = [OmegaConf.select(config, key, throw_on_missing=True) for key in self.reads]
        return self.function(assignment, *read)


def write_assignments(config: DictConfig, assignments: Mapping[str, Any], sets: Mapping[str, Key]) -> None:
    """Write those assignments that `sets` declares into `config`, in place.

    They are written in the order of `sets`, so that a key may be read that an earlier one has set. Raises
    UsageError where two of the assignments set the same key, or one has no value for its key.
    """
    declared = {name: key for name, key in sets.items() if name in assignments}
    problems = same_key_problems({name: {key.name} for name, key in declared.items()})
    if problems:
        raise UsageError(problems)
    for name, key in declared.items():
        OmegaConf.update(config, key.name, key.value(config, assignments[name]))


def same_key_problems(keys: Mapping[str, set[str]]) -> list[Problem]:
    """Return the parameters that set a key which another sets too; `keys` are those that each sets."""
    first: dict[str, str] = {}
    problems = []
    for name, own in keys.items():
        for key in sorted(own):
            if first.setdefault(key, name) != name:
                what = f"tuned together with {first[key]}, and both set {key}"
                problems.append(Problem(f"sigopt.parameters.{name}", what, "tune one of the two"))
    return problems
