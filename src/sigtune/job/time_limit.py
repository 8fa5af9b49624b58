"""An end to a job that takes longer than `sigopt.job_timeout`."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class JobTimeoutError(Exception):
    """The job took longer than `sigopt.job_timeout`."""


@contextmanager
def raising_after(seconds: float, error: JobTimeoutError) -> Iterator[None]:
    """Raise `error` in the code below once the seconds are over. For a job in the sweep's own process."""

    def expire(signum: int, frame: FrameType | None) -> None:
        raise error

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextmanager
def exiting_after(seconds: float, is_recorded: Callable[[], bool]) -> Iterator[None]:
    """Call `is_recorded` once the seconds are over and, if it says so, end the process. For a worker process.

    A process can be ended whatever it is doing, where an exception waits for a return to Python.
    """

    def expire() -> None:
        if is_recorded():
            os._exit(1)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
