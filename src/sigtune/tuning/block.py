"""The `sigopt` block of a config, as the experiment definition that SigOpt's API takes."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sigtune.config.schema import SigOptConfig
from sigtune.config.validation import value_problems
from sigtune.errors import UsageError

# The fields of the block that are the experiment's; the others say how sigtune reaches and runs it.
_EXPERIMENT_FIELDS = (
    "name",
    "parameters",
    "metrics",
    "parallel_bandwidth",
    "observation_budget",
    "project",
    "tasks",
    "metadata",
)


def read_block(block: Any) -> DictConfig:
    """Check a `sigopt` block, of any Hydra app, against the schema; return it with the schema's defaults.

    Raises UsageError with every unknown key and every value of the wrong type.
    """
    schema = OmegaConf.structured(SigOptConfig)
    # Resolved where it stands: a copy would have lost the app's config that it refers to.
    values = OmegaConf.to_container(block, resolve=True) if OmegaConf.is_config(block) else block
    problems = value_problems(schema, values, "sigopt")
    if problems:
        raise UsageError(problems)
    merged = OmegaConf.merge(schema, values)
    assert isinstance(merged, DictConfig)
    return merged


def experiment_definition(block: DictConfig) -> dict[str, Any]:
    """Return the experiment in SigOpt's JSON fields. What the block leaves out is left out."""
    values = OmegaConf.to_container(block, resolve=True)
    assert isinstance(values, dict)
    definition = {name: _present(values[name]) for name in _EXPERIMENT_FIELDS if _is_present(values[name])}
    definition["parameters"] = [_parameter(parameter) for parameter in definition.get("parameters", [])]
    if not definition.get("metadata"):
        definition.pop("metadata", None)
    return definition


def default_assignments(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the default values of those parameters that have one."""
    return {p["name"]: p["default_value"] for p in parameters if "name" in p and "default_value" in p}


def has_search(block: DictConfig) -> bool:
    """Tell whether the block defines a search, rather than only how to reach SigOpt."""
    try:
        return len(block.parameters) > 0
    except OmegaConfBaseException:
        return False


def _is_present(value: Any) -> bool:
    return value is not None and value != "???"


def _present(value: Any) -> Any:
    """Leave out null and missing fields, at every level: to SigOpt an absent field is the default."""
    if isinstance(value, dict):
        return {key: _present(entry) for key, entry in value.items() if _is_present(entry)}
    if isinstance(value, list):
        return [_present(entry) for entry in value]
    return value


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """Give the parameter's numbers the type that its own type has: the schema reads every bound as float."""
    kind = parameter.get("type")
    if kind == "int":
        for name, value in parameter.get("bounds", {}).items():
            parameter["bounds"][name] = _whole(value)
        if "grid" in parameter:
            parameter["grid"] = [_whole(value) for value in parameter["grid"]]
    if kind == "categorical" and "default_value" in parameter:
        parameter["default_value"] = str(parameter["default_value"])
    return parameter


def _whole(value: float) -> int | float:
    return int(value) if value == int(value) else value
