"""Reported metric values, as they are given and as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigtune.backend.errors import bad_request
from sigtune.backend.requests import list_of_mappings, only_fields
from sigtune.backend.tables import ExperimentRow, MetricValueRow
from sigtune.backend.views import view_of
from sigtune.definition.metrics import UNNAMED
from sigtune.definition.parameters import is_number


def metric_value_rows(experiment: ExperimentRow, data: Mapping[str, Any]) -> list[MetricValueRow]:
    """Return a row for each metric of the experiment.

    Raises a 400 unless there is one finite number for each. Early clients give one `value` without a name.
    """
    metrics = view_of(experiment).metrics
    given = _given_values([name for _id, name in metrics], data)
    missing = [name for _id, name in metrics if name not in given]
    if missing:
        raise bad_request(f"values: no value for {', '.join(missing)} (or report failed=True)")
    return [
        MetricValueRow(
            metric_id=metric_id,
            value=number(name, given[name].get("value")),
            value_stddev=deviation(name, given[name].get("value_stddev")),
        )
        for metric_id, name in metrics
    ]


def _given_values(names: list[str], data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    values = data.get("values")
    if values is None:
        values = [{"value": data.get("value"), "value_stddev": data.get("value_stddev")}]
        if data.get("value") is None:
            values = []
    elif data.get("value") is not None:
        raise bad_request("give values or the older value, not both")
    given: dict[str, Mapping[str, Any]] = {}
    for value in list_of_mappings("values", values):
        only_fields(value, "name", "value", "value_stddev")
        # With a single metric SigOpt lets its name be left out.
        name = value.get("name") or (names[0] if len(names) == 1 else UNNAMED)
        if name not in names:
            raise bad_request(f"values: no metric {name}; the metrics are {', '.join(names)}")
        if name in given:
            raise bad_request(f"values: two values for {name}")
        given[name] = value
    return given


def number(name: str, value: Any) -> float:
    """Return a metric's value; raises a 400 if it is not a finite number."""
    if not is_number(value):
        raise bad_request(f"values: {name} is {value!r}, not a finite number (or report failed=True)")
    return float(value)


def deviation(name: str, stddev: Any) -> float | None:
    """Return the standard deviation of a metric's value; raises a 400 if it is not a number of at least 0."""
    if stddev is None:
        return None
    if not is_number(stddev) or stddev < 0:
        raise bad_request(f"values: the value_stddev of {name} is {stddev!r}, not a number of at least 0")
    return float(stddev)
