"""The client's HTTP driver, patient with a server that is busy, broken or away for a while."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from sigopt.exception import ConnectionException
from sigopt.request_driver import RequestDriver
from tenacity import (
    Future,
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    wait_random_exponential,
)
from tenacity.stop import stop_after_delay

log = logging.getLogger(__name__)

_LONGEST_WAIT = 30.0
_RETRIED = frozenset({429, 500, 502, 503, 504})


class RetryingDriver(RequestDriver):  # type: ignore[misc]  # the client has no types
    """Repeats a request that is refused with 429 or 5xx, or that reaches no server, for `retry_seconds`.

    The waits between grow exponentially, with full jitter, so that many searches do not come back at once.
    Raises `sigopt.exception.ConnectionException` when the time is over; at once where the report of a
    suggestion is lost, or its answer. SigOpt takes a second report as another observation, so whoever reports
    has to look first: see `SigOptExperiment.update_observation`. An answer that is not SigOpt's, as that of a
    proxy, counts as lost.
    """

    def __init__(self, *args: Any, retry_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._retry_seconds = retry_seconds

    def _request(self, method: str, url: str, params: Any, json: Any, headers: Any) -> Any:
        can_repeat = method.upper() != "POST"  # what a broken answer to one may have created, nobody knows
        refused = retry_if_result(
            lambda response: response.status_code in _RETRIED or (can_repeat and _is_broken(method, response))
        )
        is_report = (
            method.upper() == "POST" and url.endswith("/observations") and "suggestion" in (json or {})
        )
        retrying = Retrying(
            retry=refused if is_report else refused | retry_if_exception_type(ConnectionException),
            wait=wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT),
            stop=stop_after_delay(self._retry_seconds),
            before_sleep=self._log_wait,
        )
        try:
            response = retrying(super()._request, method, url, params, json, headers)
        except RetryError as error:
            why = self._failure(error.last_attempt)
            waited = f"gave up after {self._retry_seconds:g} s: " if self._retry_seconds else ""
            raise ConnectionException(f"{waited}{why}") from error
        if _is_broken(method, response):
            raise ConnectionException(self._answered(response))
        return response

    def _failure(self, attempt: Future) -> str:
        if not attempt.failed:
            return self._answered(attempt.result())
        cause = getattr(attempt.exception(), "__cause__", None)
        return f"no connection to {self.api_url} ({type(cause).__name__})"

    def _answered(self, response: Any) -> str:
        is_success = response.status_code < HTTPStatus.BAD_REQUEST
        what = ", and not as SigOpt does: is SIGOPT_API_URL right?" if is_success else ""
        return f"{self.api_url} answered {response.status_code}{what}"

    def _log_wait(self, state: RetryCallState) -> None:
        assert state.outcome is not None
        assert state.next_action is not None
        log.warning("%s; trying again in %.1f s", self._failure(state.outcome), state.next_action.sleep)


def _is_broken(method: str, response: Any) -> bool:
    """Return whether a success has a body that is not SigOpt's.

    SigOpt answers with a JSON object that says what it is, but for a DELETE, and with nothing about runs.
    """
    if not response.ok or method.upper() == "DELETE":
        return False
    if response.status_code == HTTPStatus.NO_CONTENT:
        return "/training_runs" not in response.url
    try:
        body = response.json()
    except ValueError:
        return True
    return not isinstance(body, dict) or "object" not in body
