"""Starting the dashboard: where it listens, what it says, and the pages of a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from sigtune.backend.api import Api
from sigtune.dashboard.access import Access
from sigtune.dashboard.app import create_app
from sigtune.dashboard.source import Driver
from sigtune.errors import UsageError
from sigtune.running_dashboards import announced
from sigtune.server.authentication import NoAuthentication, TokenAuthentication
from sigtune.server.serve import ServerOptions, bound_socket, is_loopback, listening, tls_problems
from sigtune.server.store_driver import StoreDriver

DEFAULT_PORT = 8080
GRACE_SECONDS = 5


@dataclass(frozen=True)
class DashboardOptions:
    """Where the dashboard listens; another address than this machine's own is for those who have a token."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    certificate: Path | None = None
    key: Path | None = None

    @property
    def needs_token(self) -> bool:
        """Whether others than this machine's users can reach it."""
        return not is_loopback(self.host)

    @property
    def listens(self) -> ServerOptions:
        """The same as a server's options."""
        return ServerOptions(
            self.host, self.port, not self.needs_token, certificate=self.certificate, key=self.key
        )


def serve(connect: Callable[[str], Driver], described: str, place: str, options: DashboardOptions) -> None:
    """Show the pages until the process is told to stop.

    `connect` gives a driver for a token; "" is whatever the environment names. `place` is that of
    `create_app`. Raises UsageError for options that do not go together, and where it cannot listen.
    """
    problems = tls_problems(options.listens)
    if problems:
        raise UsageError(problems)
    listener = bound_socket(options.listens)
    options = replace(options, port=listener.getsockname()[1])
    server = new_server(connect, options, needs_token=options.needs_token, place=place)
    with announced(options.listens.url, place):  # before the address is told: who reads it finds it
        _print_start(options, described)
        server.run([listener])


def _print_start(options: DashboardOptions, described: str) -> None:
    print(f"dashboard {options.listens.url} · {described}", flush=True)
    if options.needs_token:
        print("token     a page asks for one: `sigtune token create` makes it", flush=True)
        if options.certificate is None:
            print(
                "warning   it crosses the network as it is: give --tls-certificate and --tls-key", flush=True
            )


def new_server(
    connect: Callable[[str], Driver], options: DashboardOptions, *, needs_token: bool, place: str = ""
) -> uvicorn.Server:
    """Return a server of the pages that has not begun yet."""
    access = Access(connect, needs_token=needs_token, is_secure=options.certificate is not None)
    return listening(create_app(access, place), options.listens, GRACE_SECONDS)


def pages_of_server(api: Api, options: ServerOptions) -> ASGIApp:
    """Return the pages over a server's own store, for those who may ask the server."""
    authentication = NoAuthentication() if options.no_auth else TokenAuthentication()
    access = Access(
        lambda token: StoreDriver(api, authentication, token or "none"),
        needs_token=not options.no_auth,
        is_secure=options.certificate is not None,
    )
    return create_app(access)
