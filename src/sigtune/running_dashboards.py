"""The dashboards that run on this machine: each has its address in a file of its user's while it runs.

A dashboard holds a lock on its file. One that nobody holds was left by a process that died.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


def _folder() -> Path:
    """Return the folder of the files, where the XDG Base Directory Specification has a user's state."""
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        state = Path.home() / ".local" / "state"
    return state / "sigtune" / "dashboards"


@contextmanager
def announced(address: str, place: str) -> Iterator[None]:
    """Let this user's searches over `place` find the dashboard that runs at `address` until the end.

    Where the file cannot be written they do not, and the dashboard runs all the same.
    """
    try:
        path, file = _write({"address": address, "place": place, "host": socket.gethostname()})
    except (OSError, RuntimeError):  # the latter without a home
        yield
        return
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def address_over(place: str) -> str | None:
    """Return the address of a dashboard of this user, on this machine, over the place; None without one."""
    with suppress(OSError, RuntimeError):
        for found in _running():
            if found.get("place") == place:
                return str(found["address"])
    return None


def _running() -> list[dict[str, Any]]:
    """Return what the dashboards that run have written, and remove the files of those that do not."""
    return [found for path in sorted(_folder().glob("*.json")) if (found := _read(path))]


def _write(content: dict[str, str]) -> tuple[Path, IO[str]]:
    """Return the file's path, and the file, which holds the lock while it is open."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _running()  # a signal that ends a dashboard leaves it no time to remove its file
    path = folder / f"{uuid.uuid4().hex}.json"
    draft = path.with_suffix(".draft")  # nobody is to find it without its lock
    file = draft.open("w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(content, file)
        file.flush()
        draft.rename(path)
    except OSError:
        file.close()
        raise
    return path, file


def _read(path: Path) -> dict[str, Any]:
    """Return what a dashboard has written; nothing, and remove the file, where it runs no longer."""
    try:
        with path.open(encoding="utf-8") as file:
            content = json.load(file)
            if not isinstance(content, dict) or content.get("host") != socket.gethostname():
                return {}
            if _is_locked(file):
                return content
    except (OSError, ValueError):
        return {}
    path.unlink(missing_ok=True)
    return {}


def _is_locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
