"""The columns that figures have as axes: one for each parameter, conditional and metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sigtune.definition.conditionals import Conditional
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter
from sigtune.report.results import NumberedObservation

Json: TypeAlias = dict[str, Any]


def key_of(item: Parameter | Conditional | Metric) -> str:
    """Return the key of a column: a parameter and a metric may have one name."""
    role = "metric" if isinstance(item, Metric) else "parameter"
    return f"{role}:{item.name}"


def metric_label(metric: Metric) -> str:
    """Return a metric's name, or what the one without a name is called."""
    return metric.name or "value"


def category_column(
    item: Parameter | Conditional, categories: Sequence[str], observations: Sequence[NumberedObservation]
) -> Json:
    """Return the column of what has categories; its values are indices into them."""
    index = {category: position for position, category in enumerate(categories)}
    return {
        "key": key_of(item),
        "label": item.name,
        "role": "parameter",
        "type": "category",
        "categories": list(categories),
        "values": [index.get(str(each.assignments.get(item.name))) for each in observations],
    }


def number_column(parameter: Parameter, observations: Sequence[NumberedObservation]) -> Json:
    """Return the column of a parameter that is a number."""
    low, high = parameter.limits
    return {
        "key": key_of(parameter),
        "label": parameter.name,
        "role": "parameter",
        "type": "number",
        "log": parameter.log,
        "integer": parameter.type == "int",
        "low": low,
        "high": high,
        "values": [rounded(each.assignments.get(parameter.name)) for each in observations],
    }


def metric_column(metric: Metric, observations: Sequence[NumberedObservation]) -> Json:
    """Return the column of a metric."""
    column = {
        "key": key_of(metric),
        "label": metric_label(metric),
        "role": "metric",
        "type": "number",
        "log": False,
        "integer": False,
        "objective": metric.objective,
        "strategy": metric.strategy,
        "threshold": metric.threshold,
        "values": [rounded((each.values or {}).get(metric.name)) for each in observations],
    }
    if any(each.stddevs for each in observations):
        column["stddevs"] = [rounded(each.stddevs.get(metric.name)) for each in observations]
    return column


def rounded(value: Any) -> Any:
    """Return a number with six significant digits, more than a picture shows; others as they are."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def through_text(assignments: Mapping[str, Any]) -> str:
    """Return assignments on one line."""
    return ", ".join(f"{name} = {rounded(value)}" for name, value in assignments.items())
