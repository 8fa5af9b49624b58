"""Who works on a suggestion: a lease in its metadata, for a SigOpt knows nothing of who died."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from sigtune.tuning.experiment import SigOptExperiment

_LEASE_SECONDS = 600.0
_RENEWAL_SECONDS = 60.0

_HOST, _PID, _EXPIRY = "lease_host", "lease_pid", "lease_expiry"


def new_lease() -> dict[str, Any]:
    """Return the metadata by which this process holds a suggestion; the expiry is in seconds since 1970."""
    return {_HOST: socket.gethostname(), _PID: os.getpid(), _EXPIRY: time.time() + _LEASE_SECONDS}


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
    return bool(metadata.get("sweep")) or (_HOST in metadata and not _is_abandoned(metadata))


def _is_abandoned(metadata: Mapping[str, Any]) -> bool:
    if _HOST not in metadata:
        return False
    has_expired = metadata.get(_EXPIRY, 0) < time.time()
    return has_expired or (metadata[_HOST] == socket.gethostname() and not _is_alive(metadata.get(_PID)))


def _is_alive(pid: Any) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, TypeError, ValueError, OverflowError):
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True
