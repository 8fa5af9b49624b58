"""Observations as a CSV file: what `sigtune export` and the pages write, and what they read again."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import IO, Any

from sigtune.errors import Problem, UsageError, nearest

_BESIDES = ("observation", "failed", "job", "reason", "folder")
"""Columns of what `sigtune export` and a search write, besides parameters and metrics."""


def write_csv(file: IO[str], experiment: dict[str, Any], observations: Sequence[dict[str, Any]]) -> None:
    """Write a line for each observation: its id, assignments, values and whether it failed."""
    names = [item["name"] for item in (*experiment["conditionals"], *experiment["parameters"])]
    metrics = [item["name"] or "value" for item in experiment["metrics"]]
    writer = csv.writer(file)
    deviations = [f"{name}_stddev" for name in metrics]
    writer.writerow(map(safe_cell, ["observation", *names, *metrics, *deviations, "failed"]))
    for item in observations:
        values = {value["name"] or "value": value for value in item["values"]}
        cells = [
            item["id"],
            *(item["assignments"].get(name, "") for name in names),
            *(values[name]["value"] if name in values else "" for name in metrics),
            *(values[name]["value_stddev"] if name in values else "" for name in metrics),
            item["failed"],
        ]
        writer.writerow(map(safe_cell, cells))


def safe_cell(cell: Any) -> Any:
    """Return a cell that a spreadsheet shows and does not compute."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def csv_observations(content: str, experiment: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the observations of a CSV file, whose headings name parameters and metrics.

    Columns of what sigtune writes besides are passed over. Raises UsageError, with the line, for a heading
    that is none of these, and for a cell that is not a number where one is expected.
    """
    words = {item["name"] for item in experiment["parameters"] if item["type"] == "categorical"}
    words |= {item["name"] for item in experiment["conditionals"]}
    names = [item["name"] for item in (*experiment["conditionals"], *experiment["parameters"])]
    metrics = [item["name"] for item in experiment["metrics"]]
    reader = csv.DictReader(content.splitlines())
    observations, problems = [], _heading_problems(reader.fieldnames or (), names, metrics)
    for line, row in enumerate(reader, start=2):
        place = f"line {line}"
        try:
            observations.append(_csv_observation(row, names, words, metrics))
        except ValueError as error:  # every line is told
            problems.append(Problem(place, str(error)))
    if problems:
        raise UsageError(problems)
    return observations


def _heading_problems(headings: Sequence[str], names: list[str], metrics: list[str | None]) -> list[Problem]:
    values = [name or "value" for name in metrics]
    known = [*names, *values, *(f"{name}_stddev" for name in values)]
    return [
        Problem("line 1", f"neither a parameter nor a metric: {heading}", nearest(heading, known))
        for heading in headings
        if heading not in known and heading not in _BESIDES
    ]


def _csv_observation(
    row: dict[str, str], names: list[str], words: set[str], metrics: list[str | None]
) -> dict[str, Any]:
    cells = {name: row[name] for name in names if row.get(name)}
    assignments = {
        name: cell.removeprefix("'") if name in words else _number(row, name) for name, cell in cells.items()
    }
    failed = (row.get("failed") or "").lower() == "true"
    values = [] if failed else [_csv_value(row, name) for name in metrics]
    return {"assignments": assignments, "values": values, "failed": failed}


def _csv_value(row: dict[str, str], metric: str | None) -> dict[str, Any]:
    heading = metric or "value"
    deviation = row.get(f"{heading}_stddev")
    value: dict[str, Any] = {"value": _number(row, heading)}
    if metric is not None:
        value["name"] = metric
    if deviation:
        value["value_stddev"] = _number(row, f"{heading}_stddev")
    return value


def _number(row: dict[str, str], heading: str) -> float:
    cell = row.get(heading)
    if not cell:
        raise ValueError(f"{heading}: there is no value")
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"{heading}: expected a number, got {cell!r}") from None
