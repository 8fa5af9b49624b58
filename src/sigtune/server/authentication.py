"""Who may do what: HTTP Basic with the token as the user, as the official client sends it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from sigopt.exception import ApiException

from sigtune.backend.errors import api_error, forbidden
from sigtune.backend.routes import Route
from sigtune.backend.store import Store
from sigtune.server.tokens import access_of

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class Authentication(Protocol):
    """How a request is let in."""

    def check(self, store: Store, route: Route, method: str, headers: Mapping[str, str]) -> str:
        """Return the token of a request; raises a 401 without one, a 403 with one that does not allow it."""


class TokenAuthentication:
    """A token of the store is needed."""

    def check(self, store: Store, route: Route, method: str, headers: Mapping[str, str]) -> str:
        """Return the token of a request; raises a 401 without one, a 403 with one that does not allow it."""
        token = _token_in(headers.get("authorization", ""))
        if token is None:
            raise api_error("no token: send it as the user of HTTP Basic, with an empty password", 401)
        access = access_of(store, token)
        if access is None:
            body = {"message": "the token is not valid", "status": 403, "token_status": "revoked"}
            raise ApiException(body, 403)
        if access.experiment is not None and not _only_reads(access.experiment, route, method):
            raise forbidden(f"this token only reads experiment {access.experiment}")
        return token


class NoAuthentication:
    """Whoever reaches the port may do everything, but not a page in a browser: it is asked by any site."""

    def check(self, store: Store, route: Route, method: str, headers: Mapping[str, str]) -> str:
        """Return what stands for the token; raises a 403 for what a page of another site sent."""
        del store, route, method
        host = urlsplit(f"//{headers.get('host', '')}").hostname
        origin = headers.get("origin")
        if host not in _LOOPBACK_NAMES or (origin is not None and urlsplit(origin).hostname != host):
            raise forbidden("a server without tokens answers programs on this machine only")
        return _token_in(headers.get("authorization", "")) or "none"


def _token_in(header: str) -> str | None:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return decoded.partition(":")[0] or None


def _only_reads(experiment: int, route: Route, method: str) -> bool:
    """Return whether a request reads the experiment, or what it is allowed to."""
    if method != "GET":
        return False
    if route.pattern.startswith("experiments/ID"):
        return route.ids[0] == str(experiment)
    return route.pattern == "tokens/ID"
