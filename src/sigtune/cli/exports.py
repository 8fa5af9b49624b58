"""`sigtune export ID`: an experiment with its observations, as JSON, CSV or a study of Optuna."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sigtune.cli.options import add_backend, add_experiment, connected
from sigtune.errors import Problem, UsageError

FORMATS = ("json", "csv", "optuna")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("export", help="export an experiment", description=__doc__)
    add_backend(parser)
    add_experiment(parser)
    parser.add_argument("--format", choices=FORMATS, default="json")
    parser.add_argument(
        "--to", help="a file, or for optuna the URL of its storage (default: standard output)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the experiment."""
    if options.format == "optuna" and not options.to:
        raise UsageError([Problem("--to", "missing: the storage of Optuna", "--to sqlite:///optuna.db")])
    with connected(options) as connection:
        endpoint = connection.experiments(options.experiment)
        experiment = endpoint.fetch().to_json()
        observations = [item.to_json() for item in endpoint.observations().fetch().iterate_pages()]
    observations.reverse()  # the oldest first
    if options.format == "optuna":
        from sigtune.cli.optuna_study import write_study

        write_study(options.to, experiment, observations)
        return
    with _output(options.to) as file:
        if options.format == "json":
            json.dump({"experiment": experiment, "observations": observations}, file, indent=2)
            file.write("\n")
        else:
            write_csv(file, experiment, observations)


def write_csv(file: IO[str], experiment: dict[str, Any], observations: list[dict[str, Any]]) -> None:
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


@contextmanager
def _output(to: str | None) -> Iterator[IO[str]]:
    if to is None:
        yield sys.stdout
        return
    try:
        with Path(to).open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise UsageError([Problem("--to", f"{to} cannot be written: {error.strerror}")]) from error
