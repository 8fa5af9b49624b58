"""Files of a folder that others may have written to, read so that nothing outside it can be.

Each part of a path is opened by itself, below the folder that is already open, and a link is never followed.
So nothing that was checked can be exchanged afterwards.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_LOCKS = Path("/proc/locks")


@dataclass(frozen=True)
class FileInside:
    """The last bytes of a file, its whole size, and when it was written (seconds since 1970)."""

    content: bytes
    size: int
    modified: float

    @property
    def text(self) -> str:
        """The content as text, whatever it holds."""
        return self.content.decode("utf-8", "replace")


def read_inside(folder: Path, parts: Sequence[str], most: int) -> FileInside | None:
    """Return the last `most` bytes of a file of this user below the folder.

    None where there is none, where it is anything but a plain file, or somebody else's.
    """
    if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in parts):
        return None
    try:
        descriptor = _open(folder, parts)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            return None
        file.seek(max(0, status.st_size - most))
        return FileInside(file.read(most), status.st_size, status.st_mtime)


def is_folder_inside(folder: Path, parts: Sequence[str]) -> bool:
    """Return whether there is a folder at a place below the folder, which no link leads to."""
    try:
        descriptor = _open(folder, parts)
    except OSError:
        return False
    try:
        return stat.S_ISDIR(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def is_locked_inside(folder: Path, parts: Sequence[str]) -> bool:
    """Return whether a process of this machine holds a lock on the file; looking takes no lock.

    Whoever tries a lock to see whether it is free keeps others from it for that instant.
    """
    try:
        descriptor = _open(folder, parts)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        return any(line.split()[-3] == device for line in _LOCKS.read_text().splitlines())
    except (OSError, IndexError):
        return False


def _open(folder: Path, parts: Sequence[str]) -> int:
    above = os.open(folder, _FOLDER)
    for index, part in enumerate(parts):
        is_last = index == len(parts) - 1
        try:
            below = os.open(part, _FILE if is_last else _FOLDER, dir_fd=above)
        finally:
            os.close(above)
        above = below
    return above
