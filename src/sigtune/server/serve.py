"""Starting the server: what is checked before, what it says, and how it ends."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from sigtune.backend.api import Api
from sigtune.errors import Problem, UsageError
from sigtune.server.app import LARGEST_HEADERS, create_app
from sigtune.server.authentication import Authentication, NoAuthentication, TokenAuthentication
from sigtune.server.tokens import has_tokens

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8181

GRACE_SECONDS = 30


@dataclass(frozen=True)
class ServerOptions:
    """Where the server listens, and who may speak to it."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    no_auth: bool = False
    certificate: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """What to export as SIGOPT_API_URL."""
        scheme = "http" if self.certificate is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


Pages = Callable[[Api, ServerOptions], ASGIApp]


def serve(store: str, options: ServerOptions, seed: int = 0, pages: Pages | None = None) -> None:
    """Answer requests until the process is told to stop; those that are being answered are finished first.

    `pages` makes what answers all paths that are not the API's. Raises UsageError for options that do not go
    together or cannot be used.
    """
    api = Api(store, seed)
    try:
        check(api, options)
        listener = bound_socket(options)
        options = replace(options, port=listener.getsockname()[1])
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        server = new_server(api, options, pages)
        for line in greeting(api, options):
            print(line, flush=True)  # it is what the command says
        if pages is not None:
            print(f"watch    {options.url} in a browser", flush=True)
        server.run([listener])
    finally:
        api.close()


def new_server(api: Api, options: ServerOptions, pages: Pages | None = None) -> uvicorn.Server:
    """Return a server that has not begun yet."""
    authentication: Authentication = NoAuthentication() if options.no_auth else TokenAuthentication()
    app = create_app(api, authentication, None if pages is None else pages(api, options))
    return listening(app, options, GRACE_SECONDS)


def check(api: Api, options: ServerOptions) -> None:
    """Raise UsageError, with every problem, for a server that should not be started."""
    problems = []
    loopback = is_loopback(options.host)
    if options.no_auth and not loopback:
        what = f"without tokens only this machine is answered, and {options.host} is open to others"
        problems.append(Problem("--no-auth", what, "--host 127.0.0.1, or sigtune token create"))
    if not options.no_auth and not has_tokens(api.store):
        remedy = "sigtune token create" + (", or --no-auth on this machine only" if loopback else "")
        problems.append(Problem("--store", "has no token, so nobody could use the server", remedy))
    problems += tls_problems(options)
    if problems:
        raise UsageError(problems)


def tls_problems(options: ServerOptions) -> list[Problem]:
    """Return what is wrong with the options for TLS."""
    problems = []
    if (options.certificate is None) != (options.key is None):
        problems.append(Problem("--tls-key", "a certificate and its key go together", "both, or none"))
    for name, file in (("--tls-certificate", options.certificate), ("--tls-key", options.key)):
        if file is not None and not file.is_file():
            problems.append(Problem(name, f"{file} is not a file"))
    return problems


def greeting(api: Api, options: ServerOptions) -> list[str]:
    """Return what the server says at its start: where it is, and what to export."""
    token = "none" if options.no_auth else "<a token of this store>"
    lines = [
        f"server   {options.url} · store {api.store.url.render_as_string(hide_password=True)}",
        f"use it   export SIGOPT_API_URL={options.url} SIGOPT_API_TOKEN={token}",
    ]
    if options.certificate is None and not is_loopback(options.host):
        lines.append("warning  tokens cross the network as they are: give --tls-certificate and --tls-key")
    return lines


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bound_socket(options: ServerOptions) -> socket.socket:
    """Return a socket that listens where the options say; raises UsageError where none can."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        return socket.create_server((options.host, options.port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        what = f"cannot listen on {options.host}, port {options.port}: {reason}"
        remedy = "another one, or --port 0 for any that is free"
        raise UsageError([Problem("--port", what, remedy)]) from error


def listening(app: ASGIApp, options: ServerOptions, grace_seconds: int) -> uvicorn.Server:
    """Return what answers by `app` at the address of the options; it has not begun yet."""
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        http="h11",
        h11_max_incomplete_event_size=LARGEST_HEADERS,
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=grace_seconds,
    )
    return uvicorn.Server(config)
