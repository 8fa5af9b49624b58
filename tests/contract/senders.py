"""The paths to a SigOpt that the contract is replayed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import requests
from sigopt.exception import ApiException
from tests.contract.postgres import own_postgres
from tests.contract.replay import Line, Sender, basic, filled
from tests.patience import PATIENCE_SECONDS

from sigtune.backend.api import Api
from sigtune.backend.driver import LocalDriver
from sigtune.backend.json_body import read_body
from sigtune.server.background import running_server
from sigtune.server.serve import ServerOptions
from sigtune.server.tokens import create_token


class DriverSender:
    """A LocalDriver in this process; the body is read as the server reads it."""

    def __init__(self, driver: LocalDriver) -> None:
        self._driver = driver

    def send(self, line: Line, known: Mapping[str, str]) -> tuple[int, Any]:
        path = filled(line.path, known).removeprefix("/v1/").split("/")
        try:
            if line.method in ("GET", "DELETE"):
                data = dict(filled(dict(line.query), known))
            else:
                content_type = line.headers.get("Content-Type", "application/json")
                data = read_body(line.body_bytes(known) or b"", content_type)
            answer = self._driver.request(
                line.method, [unquote(part) for part in path], data, dict(line.headers)
            )
        except ApiException as error:
            return error.status_code, error.to_json()
        return (204 if answer is None else 200), answer


class HttpSender:
    """A server behind a port."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._session = requests.Session()

    def send(self, line: Line, known: Mapping[str, str]) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", **line.headers}
        if line.auth != "none":
            headers["Authorization"] = basic(self._token if line.auth == "token" else "NOSUCHTOKEN")
        response = self._session.request(
            line.method,
            self._url + filled(line.path, known),
            params=filled(dict(line.query), known),
            data=line.body_bytes(known),
            headers=headers,
            timeout=PATIENCE_SECONDS,
        )
        return response.status_code, response.json() if response.content else None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


@contextmanager
def served(url: str) -> Iterator[HttpSender]:
    """Serve the store at a database's URL on a free port, with a token."""
    api = Api(url)
    sender = None
    try:
        with running_server(api, ServerOptions(port=0)) as address:
            sender = HttpSender(address, create_token(api.store, "contract"))
            yield sender
    finally:
        if sender is not None:
            sender.close()
        api.close()


@contextmanager
def sender_to(path: str, folder: Path) -> Iterator[Sender]:
    """Give a sender with a store of its own: to the driver, or to a server on SQLite or on postgresql."""
    if path == "driver":
        driver = LocalDriver(f"sqlite:///{folder / 'driver.db'}")
        yield DriverSender(driver)
        driver.close()
    elif path == "server":
        with served(f"sqlite:///{folder / 'server.db'}") as sender:
            yield sender
    else:
        with own_postgres() as url, served(url) as sender:
            yield sender
