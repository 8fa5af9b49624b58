"""The forms in which `SigOptExperiment` takes its arguments, as the fields of SigOpt's API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

from omegaconf import OmegaConf

from sigtune.tuning.block import SearchBlock

MetricValues: TypeAlias = Mapping[str, float] | Sequence[Mapping[str, Any]] | float | None
"""Values by metric, the same in SigOpt's fields, the value of the only metric, or None for a failure."""

_CONNECTION_OPTIONS = ("backend", "store", "seed", "retry_seconds")
_OWN_FIELDS = {entry.name for entry in fields(SearchBlock)} - {"definition"}


def id_of(given: Any) -> str:
    """Return the ID of a SigOpt object, or the ID that is given itself."""
    return str(getattr(given, "id", given))


def connection_options(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a `sigopt` block says of where SigOpt is, as arguments of `connect`."""
    return {name: block[name] for name in _CONNECTION_OPTIONS if name in block}


def definition_fields(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `sigopt` block that are the experiment's own; what is null is left out."""
    plain = OmegaConf.to_container(block, resolve=True) if OmegaConf.is_config(block) else block
    assert isinstance(plain, Mapping)
    return {
        str(name): value for name, value in plain.items() if name not in _OWN_FIELDS and value is not None
    }


def value_fields(values: MetricValues, deviations: Mapping[str, float]) -> dict[str, Any]:
    """Return the fields of an observation with these values, or of a failed one where they are None."""
    if values is None:
        return {"failed": True}
    if isinstance(values, Mapping):
        listed: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in values.items()]
    elif isinstance(values, Sequence):
        listed = [dict(value) for value in values]
    else:
        listed = [{"value": values}]
    for value in listed:
        if value.get("name") in deviations:
            value["value_stddev"] = deviations[value["name"]]
    return {"values": listed}


def task_field(task: Any) -> dict[str, Any]:
    """Return the field that names a task: from SigOpt's Task object, its fields, or its name."""
    if task is None:
        return {}
    if isinstance(task, str):
        return {"task": task}
    name, cost = (task["name"], task["cost"]) if isinstance(task, Mapping) else (task.name, task.cost)
    return {"task": {"name": name, "cost": cost}}
