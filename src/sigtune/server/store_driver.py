"""The store as a driver of the official client that asks for a token, as the port does."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from sigtune.backend.api import Api
from sigtune.backend.requests import Json
from sigtune.backend.routes import find_route
from sigtune.server.authentication import Authentication


class StoreDriver:
    """Answers for whom `token` stands, with the errors that a server would answer with."""

    def __init__(self, api: Api, authentication: Authentication, token: str) -> None:
        self._api, self._authentication = api, authentication
        credentials = base64.b64encode(f"{token}:".encode()).decode()
        # Where no token is asked for, only what runs on this machine is answered.
        self._headers = {"authorization": f"Basic {credentials}", "host": "localhost"}

    def request(
        self,
        method: str,
        path: Sequence[str | int],
        data: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """Answer one request of SigOpt's v1 API; raises ApiException with SigOpt's status codes."""
        del headers
        route = find_route(method, [str(part) for part in path])
        token = self._authentication.check(self._api.store, route, method, self._headers)
        return self._api.answer(route, method, data, token)
