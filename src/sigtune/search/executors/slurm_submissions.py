"""Calls of sbatch that are under way: several at once, each repeated while Slurm's controller is away."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from submitit.core.utils import FailedJobError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, sleep_using_event, stop_any
from tenacity.stop import stop_after_delay, stop_when_event_set
from tenacity.wait import wait_random_exponential

from sigtune.errors import Problem
from sigtune.search.executors.protocol import EngineAwayError, SubmissionRefusedError
from sigtune.search.jobs import Run

log = logging.getLogger(__name__)

Submission = TypeVar("Submission")

_AT_ONCE = 8
_LONGEST_WAIT = 30.0
_PING_SECONDS = 60


class Submissions(Generic[Submission]):
    """Runs that are being submitted by `submit`, which calls sbatch, in threads.

    A submission that fails while the controller is away is repeated for `retry_seconds`.
    """

    def __init__(self, submit: Callable[[Run], Submission], retry_seconds: float) -> None:
        self._submit = submit
        self._closing = threading.Event()
        self._retrying = Retrying(
            retry=retry_if_exception_type(EngineAwayError),
            wait=wait_random_exponential(multiplier=1, max=_LONGEST_WAIT),
            stop=stop_any(stop_after_delay(retry_seconds), stop_when_event_set(self._closing)),
            sleep=sleep_using_event(self._closing),
            before_sleep=_log_wait,
            reraise=True,
        )
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sbatch")
        self._under_way: list[Future[Submission]] = []

    def start(self, run: Run) -> None:
        """Submit the run in a thread."""
        self._under_way.append(self._threads.submit(self._retrying.copy(), self._submit_once, run))

    def done(self) -> list[Submission]:
        """Return what was submitted since this was last asked.

        Raises SubmissionRefusedError where Slurm refuses a run, EngineAwayError where it stays away.
        """
        done = [future for future in self._under_way if future.done()]
        for future in done:
            if future.exception() is not None:
                self._under_way.remove(future)  # `close` returns the others that were submitted
                future.result()
        self._under_way = [future for future in self._under_way if future not in done]
        return [future.result() for future in done]

    def close(self) -> list[Submission]:
        """Submit nothing more; return what was submitted since `done` was last asked."""
        self._closing.set()
        self._threads.shutdown(cancel_futures=True)
        done, self._under_way = self._under_way, []
        return [future.result() for future in done if not future.cancelled() and future.exception() is None]

    def _submit_once(self, run: Run) -> Submission:
        try:
            return self._submit(run)
        except FailedJobError as error:
            if not _controller_answers():
                raise EngineAwayError(f"Slurm's controller does not answer: {_last_line(error)}") from error
        try:  # it may have come back since
            return self._submit(run)
        except FailedJobError as error:
            what = f"Slurm refuses the job: {_last_line(error)}"
            raise SubmissionRefusedError([Problem("hydra.launcher", what, "see sbatch's manual")]) from error


def _controller_answers() -> bool:
    try:
        ping = subprocess.run(["scontrol", "ping"], capture_output=True, timeout=_PING_SECONDS, check=False)  # noqa: S607
    except (OSError, subprocess.SubprocessError):
        return False
    return ping.returncode == 0


def _last_line(error: FailedJobError) -> str:
    """Return the last line of sbatch's message, which submitit passes on."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def _log_wait(state: RetryCallState) -> None:
    assert state.outcome is not None
    assert state.next_action is not None
    log.warning("%s; trying again in %.1f s", state.outcome.exception(), state.next_action.sleep)
