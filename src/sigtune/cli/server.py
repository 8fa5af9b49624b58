"""`sigtune server`: the store behind a port, for the official client on any machine, and its pages."""

from __future__ import annotations

import argparse
from typing import Any

from sigtune.cli.options import add_listening, add_store
from sigtune.errors import Problem, UsageError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("server", help="serve a store over HTTP", description=__doc__)
    add_store(parser)
    add_listening(parser, port=8181)
    parser.add_argument("--seed", type=int, default=0, help="decides every random choice (default: 0)")
    parser.add_argument("--no-auth", action="store_true", help="ask for no token; on this machine only")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Serve until told to stop."""
    try:
        from sigtune.server.serve import ServerOptions, serve
    except ModuleNotFoundError as error:
        problem = Problem("server", f"needs the Python package {error.name}", "pip install 'sigtune[server]'")
        raise UsageError([problem]) from error
    chosen = ServerOptions(
        options.host, options.port, options.no_auth, options.tls_certificate, options.tls_key
    )
    serve(options.store, chosen, options.seed, _pages())


def _pages() -> Any:
    """Return what makes the pages; None where their packages are not installed."""
    try:
        from sigtune.dashboard.serve import pages_of_server
    except ModuleNotFoundError:
        return None
    return pages_of_server
