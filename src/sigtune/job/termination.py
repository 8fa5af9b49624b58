"""Whether the infrastructure is about to end this process: what a job raises then is not its own failure."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

_announced = threading.Event()

# submitit raises it in a job that ran into its time limit more often than `max_num_timeout`: a failure.
_TIMED_OUT = "UncompletedJobError"


def announce_termination() -> None:
    """Note that this process is going to be ended, and its job run again."""
    _announced.set()


def is_terminated(error: BaseException) -> bool:
    """Return whether the job raised `error` because its process is being ended."""
    return _announced.is_set() and type(error).__name__ != _TIMED_OUT


def exit_on_sigterm() -> None:
    """Have SIGTERM, which ends a worker whose driver is gone, raise a SystemExit that is not its job's."""
    _announced.clear()

    def terminate(number: int, frame: FrameType | None) -> None:
        announce_termination()
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, terminate)
