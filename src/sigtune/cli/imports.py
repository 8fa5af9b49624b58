"""`sigtune import FILE`: an experiment that was exported as JSON, or observations into one that is there."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from sigtune.cli.options import add_backend, connected
from sigtune.definition.metadata import without_search
from sigtune.errors import Problem, UsageError
from sigtune.report.observations_csv import csv_observations
from sigtune.tuning.connection import ensure_project

BATCH = 500

_FIELDS = (
    "name",
    "project",
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
    """Create an experiment as it was exported, in a project of the same ID; return its own."""
    given = {field: experiment.get(field) for field in _FIELDS}
    given["metadata"] = without_search(experiment.get("metadata"))
    given["observation_budget"] = experiment.get("observation_budget") or experiment.get("budget")
    asked = {field: value for field, value in given.items() if value not in (None, [], {})}
    if "project" in asked:
        ensure_project(connection, asked["project"])
    return str(connection.experiments().create(**asked).id)


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
