"""Options that several subcommands have, and the SigOpt that they lead to."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEFAULT_STORE = "sqlite:///sigopt.db"


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add --store: the database of the embedded backend."""
    parser.add_argument(
        "--store",
        default=os.environ.get("SIGOPT_STORE", DEFAULT_STORE),
        metavar="URL",
        help="SQLAlchemy URL of the store (default: SIGOPT_STORE, or else sqlite:///sigopt.db)",
    )


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Add --backend and --store: which SigOpt is meant."""
    add_store(parser)
    parser.add_argument(
        "--backend",
        choices=("auto", "api", "local"),
        default="auto",
        help="a server, or the store; auto (the default) is a server where a token is set in the environment",
    )


def add_listening(parser: argparse.ArgumentParser, port: int) -> None:
    """Add --host, --port and the files of TLS: where a server listens, and how."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=port, help=f"port to listen on (default: {port})")
    parser.add_argument("--tls-certificate", type=Path, metavar="FILE", help="certificate chain, PEM")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="private key of the certificate, PEM")


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """Add the experiment's id."""
    parser.add_argument("experiment", metavar="ID", help="the experiment's id, as `sigtune list` shows it")


@contextmanager
def connected(options: argparse.Namespace) -> Iterator[Any]:
    """Give a connection of the official client to the SigOpt that the options and the environment name."""
    from sigtune.tuning.connection import connect

    connection = connect(options.backend, options.store, retry_seconds=10.0)
    try:
        yield connection
    finally:
        close = getattr(connection.impl.driver, "close", None)
        if close is not None:
            close()
