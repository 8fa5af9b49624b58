"""The command line of a sweep: fixed overrides for every job, and a search space in Hydra's sweep syntax."""

# No `from __future__ import annotations`: see config.py.
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep, Sweep

from sigtune.errors import Problem


@dataclass
class CommandLine:
    """What the overrides of a sweep ask for.

    `fixed` go to every job as they were typed; `parameters` are the tuned keys as SigOpt parameters.
    """

    fixed: list[str] = field(default_factory=list)
    fixed_keys: set[str] = field(default_factory=set)
    parameters: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_command_line(arguments: Sequence[str], loader: ConfigLoader) -> CommandLine:
    """Sort the overrides. Those of the `sigopt` block are the sweep's own, and go to no job."""
    line = CommandLine()
    for override in OverridesParser.create(loader).parse_overrides(list(arguments)):
        key = override.key_or_group
        if override.is_sweep_override():
            _add_parameter(line, override)
        elif not (key == "sigopt" or key.startswith("sigopt.")):
            assert override.input_line is not None
            line.fixed.append(override.input_line)
            line.fixed_keys.add(key)
    return line


def _add_parameter(line: CommandLine, override: Override) -> None:
    sweep = override.value()
    assert isinstance(sweep, Sweep)
    unknown = sorted(sweep.tags - {"log"})
    if unknown:
        line.problems.append(
            Problem(override.key_or_group, f"unknown tag {', '.join(unknown)}", "tag(log, …)")
        )
        return
    parameter = {"name": override.key_or_group, **_space(override, sweep)}
    if "log" in sweep.tags:
        parameter["transformation"] = "log"
    line.parameters.append(parameter)


def _space(override: Override, sweep: Sweep) -> dict[str, Any]:
    """Return one sweep in SigOpt's fields: bounds for an interval, else a grid or categories."""
    if isinstance(sweep, IntervalSweep):
        whole = isinstance(sweep.start, int) and isinstance(sweep.end, int)
        return {
            "type": "int" if whole else "double",
            "bounds": {"min": sweep.start, "max": sweep.end},
        }
    if isinstance(sweep, RangeSweep):
        return _numbers(list(sweep.range()))
    assert isinstance(sweep, ChoiceSweep) or override.is_choice_sweep()
    values = list(override.sweep_iterator())
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return _numbers(values)
    return {"type": "categorical", "categorical_values": list(override.sweep_string_iterator())}


def _numbers(values: Sequence[Any]) -> dict[str, Any]:
    kind = "int" if all(isinstance(value, int) for value in values) else "double"
    return {"type": kind, "grid": sorted(values)}
