"""SigOpt's v1 API over a store: what a driver in this process and the server have in common."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from sqlalchemy.exc import DBAPIError, OperationalError

from sigtune.backend.ahead import Ahead
from sigtune.backend.errors import api_error, unavailable
from sigtune.backend.json_body import checked
from sigtune.backend.requests import Call, Json
from sigtune.backend.routes import Route
from sigtune.backend.serving import prepare_next
from sigtune.backend.store import SAVES_WHAT_CAN_BE_READ, Store, is_damage
from sigtune.errors import MissingExtraError, Problem, UsageError

_OF_AN_EXPERIMENT = ("experiments/ID", "aiexperiments/ID")

IN_PROCESS = "local"
"""What is shown for a token in this process, where nobody asks for one."""


class Api:
    """The requests of SigOpt's v1 API, answered from the store at `url`.

    `seed` decides every random choice: equal stores and equal seeds give equal suggestions. Raises UsageError
    (keys `sigopt.store`, `sigopt.seed`) when the store cannot be opened and written. A SQLite file is made by
    the first request that writes.
    """

    def __init__(self, url: str, seed: int = 0) -> None:
        if seed < 0:
            raise UsageError([Problem("sigopt.seed", f"{seed} is below 0", "0")])
        self.store = Store(url)
        self._seed = seed
        self._ahead = Ahead()

    def answer(
        self, route: Route, method: str, data: Mapping[str, Any] | None, token: str | None = None
    ) -> Json:
        """Answer a request whose body or query is `data`; raises ApiException with SigOpt's status codes.

        `token` is whose request it is, None where it comes from this process. MissingExtraError, which an
        installation mends and no other try, is then raised as it is.
        """
        call = Call(
            self.store, method, route.ids, checked(data or {}), self._seed, token or IN_PROCESS, self._ahead
        )
        try:
            answer = route.handler(call)
            if method != "GET" and route.pattern.startswith(_OF_AN_EXPERIMENT):
                prepare_next(call)
            return answer
        except MissingExtraError as error:
            if token is None:
                raise
            raise api_error(str(error), HTTPStatus.NOT_IMPLEMENTED) from error
        except UsageError as error:  # a file that could be made when this was begun, and cannot now
            raise unavailable(str(error)) from error
        except OperationalError as error:
            raise unavailable(f"the store cannot be used at the moment: {error.orig}") from error
        except DBAPIError as error:
            remedy = f": its file is damaged; {SAVES_WHAT_CAN_BE_READ}" if is_damage(error) else ""
            raise api_error(f"the store refuses: {error.orig}{remedy}", 500) from error

    def close(self) -> None:
        """Close the store."""
        self._ahead.close()
        self.store.close()
