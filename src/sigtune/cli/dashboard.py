"""`sigtune dashboard`: pages in a browser over whichever SigOpt the environment names."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from typing import Any

from sigtune.cli.options import add_backend, add_listening
from sigtune.errors import Problem, UsageError

# A page says so at once when the store is away, and looks again by itself.
_RETRY_SECONDS = 0.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("dashboard", help="watch searches in a browser", description=__doc__)
    add_backend(parser)
    add_listening(parser, port=8080)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Show the pages until told to stop."""
    try:
        from sigtune.dashboard.serve import DashboardOptions, serve
    except ModuleNotFoundError as error:
        what = f"needs the Python package {error.name}"
        raise UsageError([Problem("dashboard", what, "pip install 'sigtune[dashboard]'")]) from error
    from sigtune.tuning.connection import describe_backend, place_digest

    chosen = DashboardOptions(options.host, options.port, options.tls_certificate, options.tls_key)
    with ExitStack() as stack:
        connect = _connect(options, stack, needs_token=chosen.needs_token)
        described = describe_backend(options.backend, options.store)
        serve(connect, described, place_digest(options.backend, options.store), chosen)


def _connect(options: argparse.Namespace, stack: ExitStack, *, needs_token: bool) -> Any:
    """Return what gives a driver for a token, to the SigOpt that the options and the environment name."""
    from sigtune.tuning.connection import choose_backend, connect

    if choose_backend(options.backend) == "api":
        return lambda token: connect("api", retry_seconds=_RETRY_SECONDS, token=token or None).impl.driver
    if not needs_token:
        driver = connect("local", options.store, retry_seconds=_RETRY_SECONDS).impl.driver
        stack.callback(driver.close)
        return lambda _token: driver
    from sigtune.backend.api import Api
    from sigtune.server.authentication import TokenAuthentication
    from sigtune.server.store_driver import StoreDriver

    api = Api(options.store)
    stack.callback(api.close)
    return lambda token: StoreDriver(api, TokenAuthentication(), token)
