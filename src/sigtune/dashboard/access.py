"""Who may see the pages: whoever is on this machine, or who has given a token; and whose form a write is.

A page in a browser is asked by any site that is open in it. So a write needs three things: the page's own
origin, the cookie, and a token in the form that only a page of ours could have been given.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request

from sigtune.dashboard.source import Driver, Source

SESSION_SECONDS = 12 * 3600
MOST_SESSIONS = 1000
CSRF_FIELD = "csrf"

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class ForbiddenError(Exception):
    """The request is not let in, for the reason in its message."""


class LogInError(Exception):
    """The request needs a token that has not been given."""


@dataclass(frozen=True)
class Session:
    """A browser that is let in: what it may ask, and what its forms must carry."""

    key: str
    csrf: str
    source: Source
    can_log_out: bool


class Access:
    """Lets browsers in and recognises them again by a cookie.

    `connect` gives a driver for a token. Where `needs_token` is false the token is "", and only this machine
    is let in; `is_secure` says that the pages are read over TLS.
    """

    def __init__(
        self, connect: Callable[[str], Driver], *, needs_token: bool, is_secure: bool = False
    ) -> None:
        self.needs_token = needs_token
        self.is_secure = is_secure
        self._connect = connect
        self._secret = secrets.token_bytes(32)
        self._sources: OrderedDict[str, tuple[float, Source]] = OrderedDict()
        self._lock = threading.Lock()
        self._open = None if needs_token else Source(connect(""))

    def session(self, request: Request) -> Session:
        """Return the request's session.

        Raises ForbiddenError for a name that is not this machine's, LogInError where a token is needed.
        """
        key = request.cookies.get(self.cookie_name(request), "")
        if self._open is not None:
            if urlsplit(f"//{request.headers.get('host', '')}").hostname not in _LOOPBACK_NAMES:
                raise ForbiddenError("without tokens the pages are for this machine only")
            key = key if len(key) >= 32 else secrets.token_urlsafe(32)
            return Session(key, self._csrf(key), self._open, can_log_out=False)
        with self._lock:
            expires, source = self._sources.get(key, (0.0, None))
        if source is None or expires < time.time():
            raise LogInError
        return Session(key, self._csrf(key), source, can_log_out=True)

    def log_in(self, token: str) -> str:
        """Return the key of a new session; raises the client's ApiException for a token that is not valid."""
        source = Source(self._connect(token))
        source.get("tokens", "self")
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._sources[key] = (time.time() + SESSION_SECONDS, source)
            while len(self._sources) > MOST_SESSIONS:
                self._sources.popitem(last=False)
        return key

    def log_out(self, session: Session) -> None:
        """Forget the session."""
        with self._lock:
            self._sources.pop(session.key, None)

    def check_write(self, request: Request, session: Session, form: Mapping[str, str]) -> None:
        """Raise ForbiddenError for a write that no page of ours sent."""
        check_origin(request)
        if not hmac.compare_digest(form.get(CSRF_FIELD, "").encode(), session.csrf.encode()):
            raise ForbiddenError("the form is from before the dashboard was started: open the page again")

    def cookie_name(self, request: Request) -> str:
        """Return a name of its own for each port, as browsers keep the cookies of a machine together."""
        return f"sigtune_{request.url.port or 'session'}"

    def _csrf(self, key: str) -> str:
        return hmac.new(self._secret, key.encode(), hashlib.sha256).hexdigest()


def check_origin(request: Request) -> None:
    """Raise ForbiddenError for a write from a page of another origin, or of none."""
    origin = urlsplit(request.headers.get("origin", ""))
    if not origin.netloc or origin.netloc != request.headers.get("host"):
        raise ForbiddenError("the form was sent from another site")
