"""A suggestion as plain Hydra overrides of ordinary config keys."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.types import Override, Quote, QuotedString
from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from sigtune.config.keys import leaves
from sigtune.errors import Problem, UsageError
from sigtune.tuning.experiment import SigOptExperiment, is_config_key


@dataclass(frozen=True)
class Point:
    """Assignments that no SigOpt suggested, in the shape of a suggestion."""

    assignments: Mapping[str, Any]
    task: None = None


def changed_values(config: DictConfig, experiment: SigOptExperiment, suggestion: Any) -> dict[str, Any]:
    """Return the config keys that the suggestion sets, with their values; `config` stays as it is.

    Raises UsageError where a mixin cannot apply an assignment, or a value does not fit its config key.
    """
    after = copy.deepcopy(config)
    try:
        with flag_override(after, "readonly", False):
            experiment.update_config_with_suggestion(after, suggestion)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "sigopt.parameters"
        raise UsageError([Problem(str(key), str(error).splitlines()[0])]) from error
    before = dict(leaves(OmegaConf.to_container(config)))
    # A leaf that was not there before has no other value to be compared with than None.
    return {
        key: value
        for key, value in leaves(OmegaConf.to_container(after))
        if key not in before or not _is_same(before[key], value)
    }


def _is_same(one: Any, other: Any) -> bool:
    both_nan = one != one and other != other  # noqa: PLR0124 - only NaN differs from itself
    return type(one) is type(other) and (one == other or both_nan)


def tuned_keys(
    config: DictConfig, experiment: SigOptExperiment, parameters: Sequence[Mapping[str, Any]]
) -> tuple[set[str], list[Problem]]:
    """Return the config keys that the parameters set, and the problems met in finding out.

    The mixins are given two points that differ in every parameter: a key that keeps its value at one of
    them, being equal to what is suggested, changes at the other.
    """
    keys: set[str] = set()
    problems: list[Problem] = []
    for end in (0, -1):
        point = Point({parameter["name"]: extreme(parameter, end) for parameter in parameters})
        try:
            keys |= changed_values(config, experiment, point).keys()
        except UsageError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    return keys, problems


def unread_parameters(
    config: DictConfig, experiment: SigOptExperiment, parameters: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return the names of the parameters that no mixin reads and that are no config key."""
    assignments = _RecordedReads({parameter["name"]: extreme(parameter, 0) for parameter in parameters})
    changed_values(config, experiment, Point(assignments))
    return [name for name in assignments if name not in assignments.read and not is_config_key(config, name)]


def as_overrides(values: Mapping[str, Any]) -> list[str]:
    """Return `key=value` strings that Hydra's grammar reads back as exactly these values."""
    return [f"{key}={as_text(value)}" for key, value in values.items()]


def as_text(value: Any) -> str:
    """Return the value as Hydra's grammar reads it back."""
    return Override._get_value_element_as_str(_quoted(value))


def _quoted(value: Any) -> Any:
    if isinstance(value, str):
        return QuotedString(value, Quote.single)
    if isinstance(value, list):
        return [_quoted(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _quoted(entry) for key, entry in value.items()}
    return value


def extreme(parameter: Mapping[str, Any], end: int) -> Any:
    """Return the parameter's first (end 0) or last (end -1) value."""
    for field_name in ("grid", "categorical_values"):
        if parameter.get(field_name):
            return parameter[field_name][end]
    bounds = parameter["bounds"]
    value = bounds["max"] if end else bounds["min"]
    return int(value) if parameter["type"] == "int" else value


@dataclass
class _RecordedReads(Mapping[str, Any]):
    """Assignments that remember which of them were read by name."""

    values_by_name: dict[str, Any]
    read: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self.values_by_name[name]

    def __iter__(self) -> Any:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    def __contains__(self, name: object) -> bool:
        return name in self.values_by_name

    def items(self) -> Any:
        """Return the pairs without counting them as read: the base class looks through all of them."""
        return self.values_by_name.items()
