"""Reach SigOpt: a server at SIGOPT_API_URL, or the embedded backend. Both through the official client."""

from __future__ import annotations

import hashlib
import logging
import os
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sigtune.errors import Problem, UsageError

log = logging.getLogger(__name__)

# A proxy may answer with a whole page.
_LONGEST_MESSAGE = 300

BACKENDS = ("auto", "api", "local")


def api_token() -> str | None:
    """Return the token of the SigOpt account: SIGOPT_KEY, SIGOPT_API_TOKEN (the client's), SIGOPT_DEV_KEY."""
    names = ("SIGOPT_KEY", "SIGOPT_API_TOKEN", "SIGOPT_DEV_KEY")
    return next((token for name in names if (token := os.environ.get(name))), None)


def choose_backend(backend: str) -> str:
    """Return "api" or "local" for a configured backend, `auto` being `api` when a token is set.

    Raises UsageError for an unknown backend, for `api` without a token and for `api` without a server: the
    client's built-in address is that of the hosted service, which was shut down.
    """
    if backend not in BACKENDS:
        raise UsageError([Problem("sigopt.backend", f"unknown backend {backend!r}", "auto, api or local")])
    chosen = backend if backend != "auto" else "api" if api_token() else "local"
    if chosen == "api":
        _check_api_environment()
    return chosen


def is_server(backend: str) -> bool:
    """Return whether a configured backend is a server; whether it can be reached is not looked at."""
    return backend == "api" or (backend == "auto" and bool(api_token()))


def describe_backend(backend: str, store: str) -> str:
    """Return the chosen backend and where its data is, as messages show it; never a token or password."""
    if choose_backend(backend) == "api":
        return f"backend api ({os.environ['SIGOPT_API_URL']})"
    from sqlalchemy.engine import make_url

    url = make_url(store)
    place = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    return f"backend local ({place})"


def place_digest(backend: str, store: str) -> str:
    """Return a short text that stands for where the data is, and is the same in every folder and process."""
    if choose_backend(backend) == "api":
        place = os.environ["SIGOPT_API_URL"].rstrip("/")
    else:
        from sqlalchemy.engine import make_url

        url = make_url(store)
        is_file = url.get_backend_name() == "sqlite" and url.database
        place = str(Path(str(url.database)).resolve()) if is_file else url.render_as_string()
    return hashlib.sha256(place.encode()).hexdigest()[:16]


def _check_api_environment() -> None:
    if not api_token():
        raise UsageError(
            [Problem("sigopt.backend=api", "no token", "set SIGOPT_KEY, or use sigopt.backend=local")]
        )
    if not os.environ.get("SIGOPT_API_URL"):
        raise UsageError(
            [
                Problem(
                    "SIGOPT_API_URL",
                    "not set, and the hosted SigOpt service is gone",
                    "set it to your server's address, or use sigopt.backend=local",
                )
            ]
        )


def connect(
    backend: str = "auto",
    store: str = "sqlite:///sigopt.db",
    seed: int = 0,
    retry_seconds: float = 300.0,
    token: str | None = None,
) -> Any:
    """Return a `sigopt.Connection` to the chosen backend; a server is given `token`, or the environment's.

    `store` (an SQLAlchemy URL) and `seed` (which breaks the optimiser's ties) are the local backend's; for
    `retry_seconds` a request is repeated that a server does not answer, or answers with 429 or 5xx, or that
    the store's database cannot take. Raises UsageError as `choose_backend` does, and when the store cannot be
    opened.
    """
    connection_class = _connection_class()
    chosen = choose_backend(backend)
    if chosen == "api":
        from sigtune.tuning.retrying_driver import RetryingDriver

        api_url = os.environ["SIGOPT_API_URL"].rstrip("/")
        return connection_class(
            driver=RetryingDriver,
            client_token=token or api_token(),
            api_url=api_url,
            retry_seconds=retry_seconds,
        )
    from sigtune.tuning.patient_local_driver import PatientLocalDriver  # SQLAlchemy is the store's only

    return connection_class(driver=PatientLocalDriver, url=store, seed=seed, retry_seconds=retry_seconds)


def log_backend(backend: str) -> None:
    """Log which backend is used, once its work begins: an error is told with nothing before it."""
    log.info("sigopt.backend=%s: using the %s backend", backend, choose_backend(backend))


def _connection_class() -> Any:
    # On import the client derives a default project from SIGOPT_PROJECT, or else from the name of the current
    # folder, and refuses to be imported where that is no valid project ID. sigtune names its project itself.
    project = os.environ.get("SIGOPT_PROJECT")
    os.environ["SIGOPT_PROJECT"] = "sigtune"
    try:
        from sigopt.interface import Connection
    finally:
        del os.environ["SIGOPT_PROJECT"]
        if project is not None:
            os.environ["SIGOPT_PROJECT"] = project
    return Connection


def failure_line(error: BaseException) -> str | None:
    """Return in a line what an error of SigOpt's client says; None for any other error."""
    from sigopt.exception import ApiException, ConnectionException

    if isinstance(error, ConnectionException):
        return f"SigOpt cannot be reached: {_first_line(error.message)}"
    if not isinstance(error, ApiException):
        return None
    what = {
        HTTPStatus.UNAUTHORIZED: "SigOpt does not accept the token in SIGOPT_KEY",
        HTTPStatus.FORBIDDEN: "SigOpt does not allow this to the token in SIGOPT_KEY",
        HTTPStatus.NOT_FOUND: "SigOpt does not have what was asked for",
    }.get(error.status_code, "SigOpt refused a request")
    return f"{what} ({error.status_code}): {_first_line(error.message)}"


def _first_line(message: object) -> str:
    lines = str(message or "no reason given").strip().splitlines() or ["no reason given"]
    return lines[0][:_LONGEST_MESSAGE]


def load_space_filling(backend: str) -> None:
    """Import what the local backend draws the first suggestions with, so that nobody waits for it later."""
    if choose_backend(backend) == "local":
        from sigtune.backend.driver import load_space_filling as load

        load()


def load_models(backend: str, observation_budget: int | None) -> None:
    """Import what the local backend computes the later ones of so many suggestions with."""
    if choose_backend(backend) == "local":
        from sigtune.backend.driver import load_models as load

        load(observation_budget)


def ensure_project(connection: Any, project: str) -> str:
    """Create the project `project` where the account has none of that ID; return the ID of its client.

    Raises UsageError where the token has no client.
    """
    from sigopt.exception import ApiException

    client = connection.tokens("self").fetch().client
    if client is None:
        what = "the token has no client, so that it has no projects"
        raise UsageError([Problem("SIGOPT_KEY", what, "the token of a client's member")])
    try:
        connection.clients(client).projects(project).fetch()
    except ApiException as error:
        if error.status_code != 404:
            raise
        try:
            connection.clients(client).projects().create(id=project, name=project)
        except ApiException as raced:
            if raced.status_code != 409:  # somebody made it just now
                raise
    return str(client)
