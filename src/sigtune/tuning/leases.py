"""Who works on a suggestion: a lease in its metadata, for a SigOpt knows nothing of who died."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sigtune.definition.metadata import SWEEP_ID_KEY
from sigtune.tuning.experiment import SigOptExperiment

_LEASE_SECONDS = 600.0
_RENEWAL_SECONDS = 60.0

_HOST, _PID, _STARTED, _EXPIRY = "lease_host", "lease_pid", "lease_started", "lease_expiry"


def new_lease() -> dict[str, Any]:
    """Return the metadata by which this process holds a suggestion; the expiry is in seconds since 1970."""
    pid = os.getpid()
    expiry = time.time() + _LEASE_SECONDS
    return {_HOST: socket.gethostname(), _PID: pid, _STARTED: _start_of(pid), _EXPIRY: expiry}


@contextmanager
def renewing(experiment: SigOptExperiment, suggestion: Any) -> Iterator[None]:
    """Renew the lease on the suggestion, in a thread, for as long as it is trained."""
    ended = threading.Event()

    def renew() -> None:
        from sigopt.exception import ApiException, ConnectionException

        while not ended.wait(_RENEWAL_SECONDS):
            with suppress(ApiException, ConnectionException):  # the next renewal is in time too
                experiment.update_suggestion(suggestion.id, new_lease())

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def release_abandoned(experiment: SigOptExperiment) -> None:
    """Queue again what workers had drawn whose lease has run out, or whose process on this host is gone."""
    for suggestion in experiment.open_suggestions():
        if _is_abandoned(suggestion.metadata or {}) and experiment.delete_suggestion(suggestion.id):
            experiment.queue(suggestion.assignments)


def is_in_work(suggestion: Any) -> bool:
    """Return whether a worker holds the open suggestion, or a sweep has it, which may be resumed."""
    metadata = suggestion.metadata or {}
    return bool(metadata.get(SWEEP_ID_KEY)) or (_HOST in metadata and not _is_abandoned(metadata))


def _is_abandoned(metadata: Mapping[str, Any]) -> bool:
    if _HOST not in metadata:
        return False
    has_expired = bool(metadata.get(_EXPIRY, 0) < time.time())
    if metadata[_HOST] != socket.gethostname():
        return has_expired
    if not _is_alive(metadata.get(_PID)):
        return True
    # Of a process here the clock, which may jump, tells less than the process: it may have been suspended,
    # or be another that was given the same id.
    started = metadata.get(_STARTED)
    return has_expired if started is None else started != _start_of(metadata.get(_PID))


def _start_of(pid: Any) -> str | None:
    """Return when the process started, as Linux counts it, and after which boot; None elsewhere."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        ticks = Path(f"/proc/{int(pid)}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, TypeError, ValueError, IndexError):
        return None
    return f"{boot} {ticks}"


def _is_alive(pid: Any) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, TypeError, ValueError, OverflowError):
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True
