"""`sigtune import FILE`: an experiment that was exported as JSON, or observations into one that is there."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from sigtune.cli.options import add_backend, connected
from sigtune.errors import Problem, UsageError

BATCH = 500

_FIELDS = (
    "name",
    "type",
    "parameters",
    "metrics",
    "conditionals",
    "linear_constraints",
    "tasks",
    "observation_budget",
    "parallel_bandwidth",
    "num_solutions",
    "metadata",
)
_OBSERVATION_FIELDS = ("assignments", "values", "failed", "metadata", "task")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("import", help="import an experiment", description=__doc__)
    add_backend(parser)
    parser.add_argument("file", type=Path, help="what `sigtune export` wrote, as JSON or CSV")
    parser.add_argument("--into", metavar="ID", help="add the observations to this experiment")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Create the experiment unless it is there, and add the observations."""
    content = _read(options.file)
    is_csv = options.file.suffix == ".csv"
    if is_csv and options.into is None:
        raise UsageError(
            [Problem("--into", "missing: a CSV file holds no definition", "the experiment's ID")]
        )
    exported = {} if is_csv else _exported(options.file, content)
    with connected(options) as connection:
        into = options.into or _created(connection, exported["experiment"])
        endpoint = connection.experiments(into)
        if is_csv:
            observations = csv_observations(content, endpoint.fetch().to_json())
        else:
            observations = [_given(item) for item in exported["observations"]]
        for first in range(0, len(observations), BATCH):
            endpoint.observations().create_batch(observations=observations[first : first + BATCH])
    print(f"experiment {into}: {len(observations)} observations imported")


def _created(connection: Any, experiment: dict[str, Any]) -> str:
    """Create an experiment as it was exported, and return its id."""
    given = {field: experiment.get(field) for field in _FIELDS}
    asked = {field: value for field, value in given.items() if value not in (None, [])}
    return str(connection.experiments().create(**asked).id)


def csv_observations(content: str, experiment: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the observations of a CSV file, whose headings name parameters and metrics.

    Raises UsageError, with the line, for a cell that is not a number where one is expected.
    """
    words = {item["name"] for item in experiment["parameters"] if item["type"] == "categorical"}
    words |= {item["name"] for item in experiment["conditionals"]}
    names = [item["name"] for item in (*experiment["conditionals"], *experiment["parameters"])]
    metrics = [item["name"] for item in experiment["metrics"]]
    observations, problems = [], []
    for line, row in enumerate(csv.DictReader(content.splitlines()), start=2):
        place = f"line {line}"
        try:
            observations.append(_csv_observation(row, names, words, metrics))
        except (ValueError, TypeError, KeyError) as error:  # every line is told
            problems.append(Problem(place, f"not an observation: {error}"))
    if problems:
        raise UsageError(problems)
    return observations


def _csv_observation(
    row: dict[str, str], names: list[str], words: set[str], metrics: list[str | None]
) -> dict[str, Any]:
    cells = {name: row[name] for name in names if row.get(name)}
    assignments = {
        name: cell.removeprefix("'") if name in words else float(cell) for name, cell in cells.items()
    }
    failed = row.get("failed", "").lower() == "true"
    values = [] if failed else [_csv_value(row, name) for name in metrics]
    return {"assignments": assignments, "values": values, "failed": failed}


def _csv_value(row: dict[str, str], metric: str | None) -> dict[str, Any]:
    heading = metric or "value"
    deviation = row.get(f"{heading}_stddev")
    value: dict[str, Any] = {"value": float(row[heading])}
    if metric is not None:
        value["name"] = metric
    if deviation:
        value["value_stddev"] = float(deviation)
    return value


def _given(observation: dict[str, Any]) -> dict[str, Any]:
    """Return an observation as it is given: the export's shape has more."""
    given = {field: observation[field] for field in _OBSERVATION_FIELDS if observation.get(field)}
    if "values" in given:
        keys = ("name", "value", "value_stddev")
        given["values"] = [
            {key: value[key] for key in keys if value.get(key) is not None} for value in given["values"]
        ]
    return given


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError([Problem(str(file), f"cannot be read: {error}")]) from error


def _exported(file: Path, content: str) -> dict[str, Any]:
    try:
        exported = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError([Problem(str(file), f"is not JSON: {error}")]) from error
    whole = isinstance(exported, dict) and isinstance(exported.get("experiment"), dict)
    if not whole or not isinstance(exported.get("observations"), list):
        raise UsageError([Problem(str(file), "is not an export", "sigtune export ID --to FILE")])
    return dict(exported)
