"""The command line of a sweep: fixed overrides for every job, and a search space in Hydra's sweep syntax."""

# No `from __future__ import annotations`: see config.py.
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
    Sweep,
)

from sigtune.errors import Problem
from sigtune.tuning.overrides import as_text


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
        text = self.categories.get(name, {}).get(value) or as_text(value)
        return f"{self.elements.get(name, name)}={text}"


def read_command_line(arguments: Sequence[str], loader: ConfigLoader | None) -> CommandLine:
    """Sort the overrides. Those of the `sigopt` block are the sweep's own, and go to no job.

    The `loader` knows the choices that a `glob` stands for.
    """
    line = CommandLine()
    for override in OverridesParser.create(loader).parse_overrides(list(arguments)):
        key = override.key_or_group
        if override.is_sweep_override():
            _add_parameter(line, override)
        elif key == "sigopt" or key.startswith("sigopt."):
            line.block_keys.add(key)
        else:
            assert override.input_line is not None
            line.fixed.append(override.input_line)
            line.fixed_keys.add(key)
    return line


def use_current_values(parameters: Sequence[dict[str, Any]], current_value: Callable[[str], Any]) -> None:
    """Make the config's value of each tuned key its parameter's default, and take its type from it.

    Hydra reads `interval(500, 1500)` as floats; for a key whose value is a whole number it means whole ones.
    """
    for parameter in parameters:
        value = current_value(parameter["name"])
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        bounds = parameter.get("bounds")
        if bounds and is_whole and all(end == int(end) for end in bounds.values()):
            parameter["type"] = "int"
            parameter["bounds"] = {name: int(end) for name, end in bounds.items()}
        if parameter["type"] == "categorical":
            value = _category(value)
        if _contains(parameter, value):
            parameter["default_value"] = value


def _contains(parameter: Mapping[str, Any], value: Any) -> bool:
    if parameter["type"] == "categorical":
        return value in parameter["categorical_values"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if "grid" in parameter:
        return value in parameter["grid"]
    return bool(parameter["bounds"]["min"] <= value <= parameter["bounds"]["max"])


def _add_parameter(line: CommandLine, override: Override) -> None:
    name, sweep = override.key_or_group, override.value()
    assert isinstance(sweep, Sweep)
    unknown = sorted(sweep.tags - {"log"})
    if unknown:
        line.problems.append(Problem(name, f"unknown tag {', '.join(unknown)}", "tag(log, …)"))
        return
    if name in line.elements:
        line.problems.append(Problem(name, "is tuned twice on the command line", "leave one of them out"))
        return
    line.elements[name] = override.get_key_element()
    parameter = {"name": name, **_space(line, override, sweep)}
    if "log" in sweep.tags:
        parameter["transformation"] = "log"
    line.parameters.append(parameter)


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
    values = list(sweep.list)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return _numbers(values)
    texts = {_category(value): Override._get_value_element_as_str(value) for value in values}
    line.categories[override.key_or_group] = texts
    return {"type": "categorical", "categorical_values": list(texts)}


def _category(value: Any) -> str:
    """Return the name of a choice at SigOpt: the string itself, or the value as Hydra writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()  # as YAML has it
    return value.text if isinstance(value, QuotedString) else Override._get_value_element_as_str(value)


def _numbers(values: Sequence[Any]) -> dict[str, Any]:
    kind = "int" if all(isinstance(value, int) for value in values) else "double"
    return {"type": kind, "grid": sorted(set(values))}
