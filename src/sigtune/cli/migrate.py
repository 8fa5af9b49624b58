"""`sigtune migrate`: bring the tables of a store that an older release made up to date."""

from __future__ import annotations

import argparse

from sqlalchemy import make_url

from sigtune.backend.store import migrate_store
from sigtune.cli.options import add_store


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("migrate", help="bring an older store up to date", description=__doc__)
    add_store(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Migrate the store; a SQLite store is copied before."""
    copy = migrate_store(make_url(options.store))
    print("the store is up to date" + ("" if copy is None else f"; a copy of the older one is {copy}"))
