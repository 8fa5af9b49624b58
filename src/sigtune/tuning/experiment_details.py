"""What SigOpt's Experiment object says of an experiment's definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigtune.definition.metrics import Metric


def parameters_of(experiment: Any) -> list[dict[str, Any]]:
    """Return the parameters of SigOpt's Experiment object in the fields of a definition.

    Its conditionals are among them, each as the categorical parameter that it is to a job.
    """
    shown = experiment.to_json()
    parameters: list[dict[str, Any]] = shown["parameters"]
    for parameter in parameters:
        if parameter.get("categorical_values"):
            parameter["categorical_values"] = [value["name"] for value in parameter["categorical_values"]]
    return [*parameters, *conditional_parameters(shown.get("conditionals") or [])]


def conditional_parameters(conditionals: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the conditionals of a definition as the categorical parameters that they are to a job."""
    return [
        {"name": entry.get("name"), "type": "categorical", "categorical_values": entry.get("values")}
        for entry in conditionals
    ]


def metrics_of(experiment: Any) -> list[Metric]:
    """Return the metrics of SigOpt's Experiment object."""
    return [
        Metric(metric.name, metric.objective or "maximize", metric.strategy or "optimize", metric.threshold)
        for metric in experiment.metrics
    ]
