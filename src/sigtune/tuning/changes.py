"""What a config changes of an experiment that exists: its budget, bandwidth, bounds, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sigtune.errors import Problem
from sigtune.tuning.block import SearchBlock

# SigOpt changes these fields of a parameter that exists, and no others.
_PARAMETER_FIELDS = ("bounds", "grid", "categorical_values", "default_value", "prior")
# What SigOpt takes the absence of a field for.
_ABSENT = {"type": "offline", "transformation": "none"}


@dataclass
class Changes:
    """The fields to update an experiment with, each change in words, and the changes that SigOpt refuses."""

    update: dict[str, Any] = field(default_factory=dict)
    described: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def parameters(self, current: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the parameters `current` as they are after the update."""
        changed = {parameter["name"]: parameter for parameter in self.update.get("parameters", ())}
        return [{**parameter, **changed.get(parameter["name"], {})} for parameter in current]


def asked_fields(keys: Collection[str]) -> set[str]:
    """Return the fields of the `sigopt` block that these keys of a command line are in."""
    return {key.split(".")[1] for key in keys if key.startswith("sigopt.")}


def asked_changes(block: SearchBlock, details: Any, keys: Collection[str]) -> Changes:
    """Return what the `keys` of a command line change of an experiment, whose object at SigOpt is `details`.

    A key is `sigopt.observation_budget`, `sigopt.parameters.0.bounds.max` or, of a parameter by its name,
    `sigopt.parameters.NAME`; its value is in the block. The block's other values are a file's: that has the
    experiment as it was created, and somebody may have changed it since.
    """
    comparison = _Comparison(block, details.to_json(), keys)
    for name in sorted(asked_fields(keys) & block.definition.keys()):
        comparison.compare(name)
    return comparison.changes


def has_other_definition(block: SearchBlock, details: Any) -> bool:
    """Return whether the block, wherever its values are from, has another search than the experiment."""
    fields = ("observation_budget", "parameters", "metrics", "linear_constraints", "tasks", "conditionals")
    given = [f"sigopt.{name}" for name in fields if block.definition.get(name)]
    changes = asked_changes(block, details, given)
    return bool(changes.update or changes.problems)


class _Comparison:
    """Collects the changes, field by field, between a block and an experiment as SigOpt shows it."""

    def __init__(self, block: SearchBlock, shown: Mapping[str, Any], keys: Collection[str]) -> None:
        self.changes = Changes()
        self._given = block.definition
        self._shown = shown
        self._keys = keys

    def compare(self, name: str) -> None:
        """Compare a field that the block has."""
        by_name: dict[str, Callable[[], None]] = {
            "metadata": self._compare_metadata,
            "metrics": self._compare_metrics,
            "parameters": self._compare_parameters,
        }
        if name in by_name:
            by_name[name]()
        elif _plain(self._given[name]) == _plain(self._shown.get(name) or _ABSENT.get(name)):
            return
        elif name in ("name", "project", "observation_budget", "parallel_bandwidth"):
            self._change(name, self._given[name], f"{name} {self._shown.get(name)} → {self._given[name]}")
        else:
            self._refuse(name)

    def _compare_metadata(self) -> None:
        before = self._shown["metadata"] or {}
        after = {**before, **self._given["metadata"]}
        if after != before:
            self._change("metadata", after, f"metadata {after}")

    def _compare_metrics(self) -> None:
        """SigOpt changes the threshold of a metric."""
        before = {metric["name"]: metric for metric in self._shown["metrics"]}
        after = {metric.get("name"): metric for metric in self._given["metrics"]}
        self._require_all("metrics", before.keys(), after.keys())
        for name, metric in after.items():
            kinds = (metric["objective"], metric["strategy"])
            if name not in before or kinds != (before[name]["objective"], before[name]["strategy"]):
                self._refuse(f"metrics.{name}")
            elif metric.get("threshold") != before[name]["threshold"]:
                thresholds = [{"name": one, "threshold": after[one].get("threshold")} for one in after]
                described = f"{before[name]['threshold']} → {metric.get('threshold')}"
                self._change("metrics", thresholds, f"{name}.threshold {described}")

    def _compare_parameters(self) -> None:
        before = {parameter["name"]: parameter for parameter in self._shown["parameters"]}
        given = {parameter.get("name"): parameter for parameter in self._given["parameters"]}
        if "sigopt.parameters" in self._keys:
            self._require_all("parameters", before.keys(), given.keys())
        changed = {
            name: self._changed_fields(given[name], before[name])
            for name in self._asked_parameters()
            if self._has_parameter(name, before)
        }
        if any(changed.values()):
            self.changes.update["parameters"] = [{"name": name, **changed.get(name, {})} for name in before]

    def _has_parameter(self, name: str, before: Mapping[str, Any]) -> bool:
        if name not in before:
            what = f"experiment {self._shown['id']} has no such parameter"
            self.changes.problems.append(Problem(f"sigopt.parameters.{name}", what, "leave it out"))
        return name in before

    def _asked_parameters(self) -> list[str]:
        """Return the names of the parameters that the keys name, or give by their place in the list."""
        names = [parameter.get("name", "") for parameter in self._given["parameters"]]
        asked: list[str] = []
        for key in sorted(self._keys):
            if key == "sigopt.parameters":
                asked += names
            elif key.startswith("sigopt.parameters."):
                rest = key.removeprefix("sigopt.parameters.")
                place = rest.partition(".")[0]
                asked.append(names[int(place)] if place.isdigit() else rest)
        return asked

    def _changed_fields(self, given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        changed = {}
        for name, value in given.items():
            key = f"{given['name']}.{name}"
            was = _ABSENT.get(name) if before.get(name) is None else before[name]
            if _plain(value) == _plain(was) or (name == "bounds" and before.get("grid")):
                continue
            if name in _PARAMETER_FIELDS:
                changed[name] = value
                self.changes.described.append(f"{key} {_words(was)} → {_words(value)}")
            else:
                self._refuse(f"parameters.{key}")
        return changed

    def _require_all(self, field_name: str, before: Collection[str], after: Collection[str]) -> None:
        for name in sorted(set(before) - set(after)):
            what = f"is left out, and experiment {self._shown['id']} has it"
            self.changes.problems.append(Problem(f"sigopt.{field_name}.{name}", what, "give it too"))

    def _change(self, name: str, value: Any, described: str) -> None:
        self.changes.update[name] = value
        self.changes.described.append(described)

    def _refuse(self, key: str) -> None:
        what = f"is not that of experiment {self._shown['id']}, where SigOpt cannot change it"
        problem = Problem(f"sigopt.{key}", what, "leave it out, or create another experiment")
        self.changes.problems.append(problem)


def _plain(value: Any) -> Any:
    """Return a value in the same form whether SigOpt shows it or a config has it, lists in one order."""
    if isinstance(value, Mapping):
        shown_only = ("object", "enum_index")
        entries = {key: _plain(entry) for key, entry in value.items() if key not in shown_only}
        present = {key: entry for key, entry in entries.items() if entry is not None}
        return present["name"] if present.keys() == {"name"} else present  # a category
    if isinstance(value, list):
        return sorted(map(_plain, value), key=str)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _words(value: Any) -> str:
    plain = _plain(value)
    if isinstance(plain, Mapping) and plain.keys() == {"min", "max"}:
        return f"{plain['min']:g} to {plain['max']:g}"
    return str(plain)
