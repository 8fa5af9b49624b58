"""An experiment's definition as the `sigopt` block of a config."""

from __future__ import annotations

from typing import Any

import yaml

from sigtune.dashboard.source import Json
from sigtune.definition.metadata import NOTES_KEY, without_search
from sigtune.definition.parameters import PARAMETER_FIELDS

_METRIC_FIELDS = ("name", "objective", "strategy", "threshold")
_FIELDS = (
    "name",
    "project",
    "type",
    "observation_budget",
    "parallel_bandwidth",
    "num_solutions",
    "linear_constraints",
    "conditionals",
    "tasks",
)
_HEADING = "# conf/sigopt/NAME.yaml, chosen by sigopt=NAME.\n"
_WITHOUT_CLASS = "# SigOpt does not know the experiment_class: add that of the search, if it had one.\n"


def definition_yaml(experiment: Json, experiment_class: str | None) -> str:
    """Return the text of a file for conf/sigopt, which `sigopt=NAME` chooses.

    `experiment_class` is the one that the experiment's search used, if it is known.
    """
    block: dict[str, Any] = {"experiment_class": experiment_class} if experiment_class else {}
    block |= {field: _bare(experiment[field]) for field in _FIELDS if experiment.get(field)}
    if block.get("type") == "offline":
        del block["type"]
    block["parameters"] = [_parameter(item) for item in experiment["parameters"]]
    block["metrics"] = [_present(item, _METRIC_FIELDS) for item in experiment["metrics"]]
    metadata = without_search(experiment["metadata"])
    metadata.pop(NOTES_KEY, None)
    if metadata:
        block["metadata"] = metadata
    text = yaml.safe_dump(block, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    return f"{_HEADING}{'' if experiment_class else _WITHOUT_CLASS}{text}"


def _parameter(item: Json) -> dict[str, Any]:
    shown = _present(item, PARAMETER_FIELDS)
    if "categorical_values" in shown:
        shown["categorical_values"] = [value["name"] for value in shown["categorical_values"]]
        shown.pop("grid", None)
    if "grid" in shown:
        shown.pop("bounds", None)
    return shown


def _present(item: Json, fields: tuple[str, ...]) -> dict[str, Any]:
    return {field: _bare(item[field]) for field in fields if item.get(field) not in (None, [], {})}


def _bare(value: Any) -> Any:
    """Return the value without what SigOpt's answers have besides."""
    if isinstance(value, dict):
        return {key: _bare(entry) for key, entry in value.items() if key != "object" and entry is not None}
    return [_bare(entry) for entry in value] if isinstance(value, list) else value
