"""The embedded backend as a driver that waits for its database: one that restarts, or that others hold."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from sigopt.exception import ApiException
from sqlalchemy.exc import OperationalError
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential
from tenacity.stop import stop_after_delay

from sigtune.backend.driver import LocalDriver

log = logging.getLogger(__name__)

_LONGEST_WAIT = 30.0


class PatientLocalDriver(LocalDriver):
    """Repeats a request that the database could not take, for `retry_seconds`; raises its error after that.

    A report that had arrived nevertheless is refused when it is repeated, as the embedded backend takes one
    observation of a suggestion.
    """

    def __init__(self, url: str, seed: int, retry_seconds: float) -> None:
        super().__init__(url, seed)
        self._retry_seconds = retry_seconds

    def request(
        self,
        method: str,
        path: Sequence[str | int],
        data: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Answer one request as `LocalDriver` does."""
        retrying = Retrying(
            retry=retry_if_exception(_is_away),
            wait=wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT),
            stop=stop_after_delay(self._retry_seconds),
            before_sleep=_log_wait,
            reraise=True,
        )
        return retrying(super().request, method, path, data, headers)


def _is_away(error: BaseException) -> bool:
    """Return whether the database may be back soon, which a full disk or a read-only file is not."""
    if not isinstance(error, ApiException) or error.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
        return False
    if not isinstance(error.__cause__, OperationalError):
        return False
    original = error.__cause__.orig
    return not isinstance(original, sqlite3.OperationalError) or "locked" in str(original)


def _log_wait(state: RetryCallState) -> None:
    assert state.outcome is not None
    assert state.next_action is not None
    error = state.outcome.exception()
    assert isinstance(error, ApiException)
    log.warning("%s; trying again in %.1f s", error.message, state.next_action.sleep)
