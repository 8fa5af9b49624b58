"""The command line of a sweep: fixed overrides for every job, and a search space in Hydra's sweep syntax."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePath
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
    Sweep,
)
from omegaconf import OmegaConf

from sigtune.errors import Problem
from sigtune.tuning.overrides import as_text

# A grid of more values is a slip of the hand, and could fill the memory.
_MOST_VALUES = 10_000

# At SigOpt a category has a name, which an empty string is not.
_EMPTY = "''"


@dataclass
class CommandLine:
    """What the overrides of a sweep ask for.

    `fixed` go to every job as they were typed; `parameters` are the tuned keys as SigOpt parameters, and
    `elements` how each was typed (`+key` adds a key). `block_keys` are those of the `sigopt` block.
    """

    fixed: list[str] = field(default_factory=list)
    fixed_keys: set[str] = field(default_factory=set)
    block_keys: set[str] = field(default_factory=set)
    parameters: list[dict[str, Any]] = field(default_factory=list)
    elements: dict[str, str] = field(default_factory=dict)
    categories: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def override_for(self, name: str, value: Any) -> str:
        """Return the override that gives a tuned key of this command line, or a config group, its value."""
        typed = self.categories.get(name, {}).get(value)
        text = as_text(value) if typed is None else typed
        return f"{self.elements.get(name, name)}={text}"


def read_command_line(arguments: Sequence[str], loader: ConfigLoader | None) -> CommandLine:
    """Sort the overrides. Those of the `sigopt` block are the sweep's own, and go to no job.

    The `loader` knows the choices that a `glob` stands for.
    """
    line = CommandLine()
    for override in OverridesParser.create(loader).parse_overrides(list(arguments)):
        key = override.key_or_group
        is_of_block = key == "sigopt" or key.startswith("sigopt.")
        if override.is_sweep_override() and is_of_block:
            line.problems.append(Problem(key, "is the search's own, which has one value", f"{key}=…"))
        elif override.is_sweep_override():
            _add_parameter(line, override, loader)
        elif is_of_block:
            line.block_keys.add(key)
        else:
            assert override.input_line is not None
            line.fixed.append(override.input_line)
            line.fixed_keys.add(key)
    return line


def use_current_values(
    parameters: Sequence[dict[str, Any]],
    current_value: Callable[[str], Any],
    is_int_key: Callable[[str], bool],
) -> None:
    """Make the config's value of each tuned key its parameter's default, and take its type from it.

    Hydra reads `interval(500, 1500)` as floats; for a key that a schema declares to be an int it means whole
    ones, since that takes no other.
    """
    for parameter in parameters:
        value = current_value(parameter["name"])
        bounds = parameter.get("bounds")
        if bounds and is_int_key(parameter["name"]) and all(end == int(end) for end in bounds.values()):
            parameter["type"] = "int"
            parameter["bounds"] = {name: int(end) for name, end in bounds.items()}
        if parameter["type"] == "categorical":
            value = _category(value)
        if _contains(parameter, value):
            parameter["default_value"] = value


def point_count(parameters: Sequence[Mapping[str, Any]]) -> int | None:
    """Return how many points the space of SigOpt's parameters has at most; None for a continuous one."""
    count = 1
    for parameter in parameters:
        values = parameter.get("grid") or parameter.get("categorical_values")
        bounds = parameter.get("bounds")
        if values:
            count *= len(values)
        elif parameter["type"] == "int" and bounds:
            count *= int(bounds["max"]) - int(bounds["min"]) + 1
        else:
            return None
    return count


def _contains(parameter: Mapping[str, Any], value: Any) -> bool:
    if parameter["type"] == "categorical":
        return value in parameter["categorical_values"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if "grid" in parameter:
        return value in parameter["grid"]
    return bool(parameter["bounds"]["min"] <= value <= parameter["bounds"]["max"])


def _add_parameter(line: CommandLine, override: Override, loader: ConfigLoader | None) -> None:
    name, sweep = override.key_or_group, override.value()
    if isinstance(sweep, Glob):
        sweep = ChoiceSweep(list=list(sweep.filter(group_options(name, loader))))
    assert isinstance(sweep, Sweep)
    problem = _space_problem(name, sweep)
    if problem is not None:
        line.problems.append(problem)
        return
    unknown = sorted(sweep.tags - {"log"})
    if unknown:
        line.problems.append(Problem(name, f"unknown tag {', '.join(unknown)}", "tag(log, …)"))
        return
    if name in line.elements:
        line.problems.append(Problem(name, "is tuned twice on the command line", "leave one of them out"))
        return
    if isinstance(sweep, ChoiceSweep) and len(set(map(_category, choices := _choices_of(sweep)))) == 1:
        line.fixed.append(f"{override.get_key_element()}={Override._get_value_element_as_str(choices[0])}")
        line.fixed_keys.add(name)
        return
    line.elements[name] = override.get_key_element()
    parameter = {"name": name, **_space(line, override, sweep)}
    if "log" in sweep.tags:
        parameter["transformation"] = "log"
    line.parameters.append(parameter)


def group_options(group: str, loader: ConfigLoader | None) -> list[str]:
    """Return the configs of a group, but for schemas, which nobody chooses."""
    names = loader.get_group_options(group) if loader is not None else []
    return [name for name in names if not name.endswith("schema")]


def _choices_of(sweep: ChoiceSweep) -> list[Any]:
    """Return the choices; Hydra lets one stand in another."""
    inner = [_choices_of(one) if isinstance(one, ChoiceSweep) else [one] for one in sweep.list]
    return [choice for choices in inner for choice in choices]


def _space_problem(name: str, sweep: Sweep) -> Problem | None:
    """Return why a sweep cannot be searched: it has no values, too many, or some that are not numbers."""
    if isinstance(sweep, IntervalSweep):
        ends = [end for end in (sweep.start, sweep.end) if end is not None]
        if all(math.isfinite(end) for end in ends):
            return None
        return Problem(name, "an end of the interval is not a finite number", "interval(0, 1)")
    if isinstance(sweep, RangeSweep):
        count = _count(sweep)
        if count is None:
            return Problem(name, "is not a range of numbers with a step", "range(start, stop, step)")
        if count > _MOST_VALUES:
            return Problem(name, f"has {count} values", "interval(…), or int(interval(…)) for whole numbers")
        return Problem(name, "has no values", "range(start, stop, step)") if count == 0 else None
    assert isinstance(sweep, ChoiceSweep)
    values = _choices_of(sweep)
    if not values:
        return Problem(name, "has no values", "choice(a, b)")
    if any(isinstance(value, float) and not math.isfinite(value) for value in values):
        return Problem(name, "has a value that is not a finite number", "choice(1, 2)")
    return None


def _count(sweep: RangeSweep) -> int | None:
    """Return how many values the range has; None where that cannot be told."""
    ends = (sweep.start or 0, sweep.stop, sweep.step)
    if sweep.stop is None or not all(math.isfinite(end) for end in ends if end is not None) or not sweep.step:
        return None
    return max(0, math.ceil((sweep.stop - (sweep.start or 0)) / sweep.step))


def _space(line: CommandLine, override: Override, sweep: Sweep) -> dict[str, Any]:
    """Return one sweep in SigOpt's fields: bounds for an interval, else a grid or categories."""
    if isinstance(sweep, IntervalSweep):
        whole = isinstance(sweep.start, int) and isinstance(sweep.end, int)
        return {
            "type": "int" if whole else "double",
            "bounds": {"min": sweep.start, "max": sweep.end},
        }
    if isinstance(sweep, RangeSweep):
        return _numbers(list(sweep.range()))
    assert isinstance(sweep, ChoiceSweep)
    values = _choices_of(sweep)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return _numbers(values)
    texts = {_category(value): Override._get_value_element_as_str(value) for value in values}
    line.categories[override.key_or_group] = texts
    return {"type": "categorical", "categorical_values": list(texts)}


def _category(value: Any) -> str:
    """Return the name of a choice at SigOpt: the string itself, or the value as Hydra writes it."""
    if isinstance(value, str):
        return value or _EMPTY
    if isinstance(value, bool):
        return str(value).lower()  # as YAML has it
    if isinstance(value, QuotedString):
        return value.text or _EMPTY
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, PurePath):
        return str(value)
    plain: Any = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    return Override._get_value_element_as_str(plain)


def _numbers(values: Sequence[Any]) -> dict[str, Any]:
    kind = "int" if all(isinstance(value, int) for value in values) else "double"
    return {"type": kind, "grid": sorted(set(values))}
