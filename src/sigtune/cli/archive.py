"""`sigtune archive ID`: take an experiment out of the lists; nothing of it is lost."""

from __future__ import annotations

import argparse

from sigtune.cli.options import add_backend, add_experiment, connected


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("archive", help="archive an experiment", description=__doc__)
    add_backend(parser)
    add_experiment(parser)
    parser.add_argument("--undo", action="store_true", help="bring it back")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Archive the experiment, or bring it back."""
    with connected(options) as connection:
        endpoint = connection.experiments(options.experiment)
        if options.undo:
            endpoint.update(state="active")
        else:
            endpoint.delete()
    print(f"experiment {options.experiment} is {'active' if options.undo else 'archived'}")
