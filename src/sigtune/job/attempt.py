"""Which attempt at a run its folder belongs to.

A node that was given up may come back with the job still on it. The sweep writes the number of the current
attempt into the run's folder before it starts it, and an earlier one that reads a later number ends itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigtune.errors import UnwritableFileError

_NAME = "attempt"
_BEGUN_NAME = "begun"
_LOOK_SECONDS = 5.0


def write_attempt(folder: Path, attempt: int) -> None:
    """Make `attempt`, counted from 1, the one that the folder belongs to."""
    _write(folder, _NAME, attempt)


def read_attempt(folder: Path) -> int:
    """Return the attempt that the folder belongs to; 0 where none is written, as on a node without it."""
    return _read(folder, _NAME)


def mark_begun(folder: Path, attempt: int) -> None:
    """Note that a process has begun with the attempt: what ends it from now on may be the job itself."""
    _write(folder, _BEGUN_NAME, attempt)


def has_begun(folder: Path, attempt: int) -> bool:
    """Return whether a process has begun with the attempt."""
    return _read(folder, _BEGUN_NAME) >= attempt


def _write(folder: Path, name: str, attempt: int) -> None:
    draft = folder / f"{name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(str(attempt))
        draft.replace(folder / name)
    except OSError as error:
        raise UnwritableFileError(folder / name, error) from error


def _read(folder: Path, name: str) -> int:
    try:
        return int((folder / name).read_text())
    except (OSError, ValueError):
        return 0


@contextmanager
def exiting_when_superseded(folder: Path, attempt: int) -> Iterator[None]:
    """End this process once the folder belongs to a later attempt. For a worker process."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_SECONDS):
            if read_attempt(folder) > attempt:
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
