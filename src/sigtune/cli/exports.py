"""`sigtune export ID`: an experiment with its observations, as JSON, CSV or a study of Optuna."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sigtune.cli.options import add_backend, add_experiment, connected
from sigtune.errors import Problem, UsageError
from sigtune.report.observations_csv import write_csv

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
