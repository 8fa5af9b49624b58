"""`sigtune token`: the tokens that open a server of this store."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sigtune.backend.store import Store
from sigtune.cli.options import add_store
from sigtune.cli.text import print_table
from sigtune.server import tokens


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("token", help="make, list and revoke tokens", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="action")
    create = actions.add_parser("create", help="make a token, which is shown once")
    create.add_argument("--name", default="token", help="whom or what it is for")
    listing = actions.add_parser("list", help="list the tokens, without themselves")
    revoke = actions.add_parser("revoke", help="make a token worthless")
    revoke.add_argument("id", type=int, help="as `sigtune token list` shows it")
    for action, run in ((create, _create), (listing, _list), (revoke, _revoke)):
        add_store(action)
        action.set_defaults(run=run)


def _create(options: argparse.Namespace) -> None:
    with _store(options) as store:
        print(tokens.create_token(store, options.name))


def _list(options: argparse.Namespace) -> None:
    with _store(options) as store:
        rows = tokens.list_tokens(store)
    print_table(
        [
            ("id", "name", "made", "state"),
            *((row.id, row.name, _day(row.created), _state(row)) for row in rows),
        ]
    )


def _revoke(options: argparse.Namespace) -> None:
    with _store(options) as store:
        tokens.revoke_token(store, options.id)
    print(f"token {options.id} is revoked")


def _state(token: tokens.StoredToken) -> str:
    if token.revoked is not None:
        return f"revoked {_day(token.revoked)}"
    if token.expires is not None:
        return f"until {_day(token.expires)}" if token.expires > time.time() else "expired"
    return "valid"


def _day(moment: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(moment))


@contextmanager
def _store(options: argparse.Namespace) -> Iterator[Store]:
    store = Store(options.store)
    try:
        yield store
    finally:
        store.close()
