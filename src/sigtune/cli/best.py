"""`sigtune best ID`: the best assignments of an experiment."""

from __future__ import annotations

import argparse

from sigtune.cli.options import add_backend, add_experiment, connected
from sigtune.cli.text import assignments_text, values_text


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("best", help="show the best assignments", description=__doc__)
    add_backend(parser)
    add_experiment(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print a line for each of the best: one, or with two metrics all that no other beats in both."""
    with connected(options) as connection:
        page = connection.experiments(options.experiment).best_assignments().fetch()
        best = [item.to_json() for item in page.iterate_pages()]
    for item in best:
        print(f"observation {item['id']}: {values_text(item['values'])}")
        print(f"  {assignments_text(item['assignments'])}")
    if not best:
        print("nothing has succeeded yet")
