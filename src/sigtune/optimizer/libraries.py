"""What is set for the process while a model is computed, and how a computation is given up in the middle."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_one_at_a_time = threading.Lock()
_import_at_a_time = threading.Lock()
_given_up: ContextVar[threading.Event | None] = ContextVar("given_up", default=None)


class GivenUpError(Exception):
    """What is computed is not wanted any more."""


@contextmanager
def alone() -> Iterator[None]:
    """Keep other threads from computing meanwhile: settings and SciPy's first import are the process's."""
    with _one_at_a_time:
        yield


@contextmanager
def until(given_up: threading.Event) -> Iterator[None]:
    """Let `stop_if_given_up` raise GivenUpError in this thread from when the event is set."""
    token = _given_up.set(given_up)
    try:
        yield
    finally:
        _given_up.reset(token)


def stop_if_given_up() -> None:
    """Raise GivenUpError where this thread's computation was given up; called every few milliseconds."""
    given_up = _given_up.get()
    if given_up is not None and given_up.is_set():
        raise GivenUpError


@contextmanager
def importing() -> Iterator[None]:
    """Keep other threads from importing the models meanwhile; what needs none is computed beside it."""
    with _import_at_a_time:
        yield
