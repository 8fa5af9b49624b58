"""What an experiment's definition can say and the store has no column for yet: refused at creation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sigtune.definition.metrics import metric_objects
from sigtune.errors import Problem

_EXPERIMENT_FIELDS = ("conditionals", "linear_constraints", "tasks")
_PARAMETER_FIELDS = ("conditions", "prior")


def not_stored_problems(definition: Mapping[str, Any]) -> list[Problem]:
    """Return what the embedded backend cannot store of a definition that validation has passed."""
    return [Problem(key, "is not stored by the embedded backend yet") for key in _not_stored(definition)]


def _not_stored(definition: Mapping[str, Any]) -> Iterator[str]:
    yield from (field for field in _EXPERIMENT_FIELDS if definition.get(field))
    if definition.get("num_solutions") not in (None, 1):
        yield "num_solutions"
    if definition.get("type") not in (None, "offline"):
        yield "type"
    for parameter in definition["parameters"]:
        path = f"parameters.{parameter['name']}"
        yield from (f"{path}.{field}" for field in _PARAMETER_FIELDS if parameter.get(field))
    for metric in metric_objects(definition.get("metrics")):
        if metric.get("name") is None:
            yield "metrics"
        elif metric.get("strategy") in (None, "optimize") and metric.get("threshold") is not None:
            yield f"metrics.{metric['name']}.threshold"
