"""What is set for the process while a model is computed, and the libraries that it needs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_one_at_a_time = threading.Lock()


@contextmanager
def alone() -> Iterator[None]:
    """Keep other threads from computing meanwhile: settings and SciPy's first import are the process's."""
    with _one_at_a_time:
        yield
