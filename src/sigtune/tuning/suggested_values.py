"""What a suggestion sets: the config keys that change, with their values; and points to try that on."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from sigtune.config.keys import leaves
from sigtune.errors import Problem, UsageError
from sigtune.tuning.experiment import SigOptExperiment

_INTERIOR_POINTS = 4


@dataclass(frozen=True)
class Point:
    """Assignments that no SigOpt suggested, in the shape of a suggestion."""

    assignments: Mapping[str, Any]
    task: None = None


def changed_values(config: DictConfig, experiment: SigOptExperiment, suggestion: Any) -> dict[str, Any]:
    """Return the config keys that the suggestion sets, with their values; `config` stays as it is.

    Raises UsageError where a mixin cannot apply an assignment, or a value does not fit its config key.
    """
    after = _updated(config, experiment, suggestion)
    before = dict(leaves(OmegaConf.to_container(config)))
    # A leaf that was not there before has no other value to be compared with than None.
    return {
        key: value
        for key, value in leaves(OmegaConf.to_container(after))
        if key not in before or not _is_same(before[key], value)
    }


def _updated(config: DictConfig, experiment: SigOptExperiment, suggestion: Any) -> DictConfig:
    """Return a copy of the config with what the suggestion sets; raises as `changed_values` does."""
    after = copy.deepcopy(config)
    try:
        with flag_override(after, "readonly", False):
            experiment.update_config_with_suggestion(after, suggestion)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "sigopt.parameters"
        raise UsageError([Problem(str(key), str(error).splitlines()[0])]) from error
    return after


def _is_same(one: Any, other: Any) -> bool:
    both_nan = one != one and other != other  # noqa: PLR0124 - only NaN differs from itself
    return type(one) is type(other) and (one == other or both_nan)


def bounding_points(parameters: Sequence[Mapping[str, Any]]) -> tuple[Point, Point]:
    """Return the points of the parameters' first and of their last values: they differ in every parameter."""
    first, last = (
        Point({parameter["name"]: extreme(parameter, end) for parameter in parameters}) for end in (0, -1)
    )
    return first, last


def extreme(parameter: Mapping[str, Any], end: int) -> Any:
    """Return the parameter's first (end 0) or last (end -1) value."""
    for field_name in ("grid", "categorical_values"):
        if parameter.get(field_name):
            return parameter[field_name][end]
    bounds = parameter["bounds"]
    value = bounds["max"] if end else bounds["min"]
    return int(value) if parameter["type"] == "int" else value


def interior_points(parameters: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Return points within the bounds, always the same; together they have every category and grid value."""
    listed = [parameter.get("grid") or parameter.get("categorical_values") or () for parameter in parameters]
    generator = random.Random(0)  # noqa: S311 - nothing secret
    return [
        Point(
            {
                parameter["name"]: values[index % len(values)] if values else _within(parameter, generator)
                for parameter, values in zip(parameters, listed, strict=True)
            }
        )
        for index in range(max(_INTERIOR_POINTS, *map(len, listed), 0))
    ]


def _within(parameter: Mapping[str, Any], generator: random.Random) -> Any:
    low, high = extreme(parameter, 0), extreme(parameter, -1)
    if parameter["type"] == "int":
        return generator.randint(low, high)
    return generator.uniform(low, high)


def refused_values(
    config: DictConfig, experiment: SigOptExperiment, parameters: Sequence[Mapping[str, Any]]
) -> list[Problem]:
    """Return what a mixin, or a config key, refuses of the parameters' first, last and some other values.

    Those are looked at only where the first and the last are taken.
    """
    ends = [one for point in bounding_points(parameters) for one in _refused(config, experiment, point)]
    if ends:
        return list(dict.fromkeys(ends))
    for point in interior_points(parameters):
        if problems := _refused(config, experiment, point):
            return problems
    return []


def _refused(config: DictConfig, experiment: SigOptExperiment, point: Point) -> list[Problem]:
    try:
        _updated(config, experiment, point)
    except UsageError as error:
        return list(error.problems)
    return []
