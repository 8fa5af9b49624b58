"""Ctrl-C: once asks the search to stop, twice stops it at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from sigtune.job.stop import stop_file

_NOTICE = "\nstopping no new jobs; the running ones are asked to stop; press again to stop now\n"


class StopRequest:
    """Whether the search is asked to stop: by a signal, by itself, or by a `touch FOLDER/stop`.

    While it is entered, the first SIGINT or SIGTERM asks; the next one raises KeyboardInterrupt.
    """

    def __init__(self, folder: Path) -> None:
        self._file = stop_file(folder)
        self._previous: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        """Whether no new jobs are to start."""
        return self._file.exists()

    def ask(self) -> None:
        """Ask this search and its running jobs to stop."""
        self._file.touch()

    def __enter__(self) -> StopRequest:
        self._file.unlink(missing_ok=True)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *raised: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.ask()
        # A handler may come in the middle of a print, so it writes past the buffer.
        os.write(sys.stderr.fileno(), _NOTICE.encode())
