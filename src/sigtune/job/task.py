"""The app's task function, made to leave its outcome in the run's folder."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from sigtune.errors import JobStoppedError, UsageError
from sigtune.job.metric_values import UnusableResultError, failure_reason, metric_values
from sigtune.job.outcome import ERROR_NAME, Outcome, running_lock, write_outcome
from sigtune.job.stop import stop_file
from sigtune.job.time_limit import JobTimeoutError, exiting_after, raising_after

# A sweep that is taken up tries the lock for an instant, to see whether its predecessor's run still has it.
_LOCK_PATIENCE = 10.0


class JobFailedError(Exception):
    """Tells the launcher, which knows exceptions only, that a job ended itself with SystemExit."""


def this_process() -> str:
    """Return a name of this process that no other on any machine has."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True)
class RecordedTask:
    """The task function; its outcome is in the run's folder whatever happens around it.

    The folder is what the sweep reads: a result is there when the sweep itself has died meanwhile, and
    a launcher's own way of handing results back does not matter. `timeout` is in seconds, and `sweep` is
    the process of the sweep, where some launchers run the jobs too.
    """

    task: Callable[[DictConfig], Any]
    metrics: Sequence[str]
    timeout: float | None
    sweep: str

    def __call__(self, config: DictConfig) -> Any:
        """Run the task and record its outcome; what it raises is raised again."""
        folder = Path(HydraConfig.get().runtime.output_dir)
        record = _Record(folder)
        with running_lock(folder).acquire(timeout=_LOCK_PATIENCE):
            try:
                with self._time_limit(record):
                    result = self.task(config)
                record.write(Outcome(values=metric_values(result, self.metrics)))
            except JobStoppedError:
                self._stopped()
                raise
            except Exception as error:
                record.failure(error)
                raise
            except SystemExit as error:
                # Lightning answers Ctrl-C with sys.exit(1).
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise KeyboardInterrupt from error
                ended = JobFailedError(f"the job exited with {error.code}")
                record.failure(ended)
                raise ended from error
            return result

    def _time_limit(self, record: _Record) -> AbstractContextManager[None]:
        if self.timeout is None:
            return nullcontext()
        reason = f"timed out after {self.timeout:g} s"
        if self.sweep == this_process():
            return raising_after(self.timeout, JobTimeoutError(reason))
        return exiting_after(self.timeout, lambda: record.write(Outcome(reason=reason)))

    def _stopped(self) -> None:
        """Where the sweep runs in this process, the signal that stopped the job was meant for both."""
        if self.sweep == this_process():
            stop_file(HydraConfig.get().sweep.dir).touch()


class _Record:
    """The outcome of one run. The first one written stays: a timer may come while the task ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._written = False

    def write(self, outcome: Outcome) -> bool:
        """Write the outcome with the run's duration; tell whether it is this one that counts."""
        with self._lock:
            if self._written:
                return False
            seconds = time.monotonic() - self._begun
            write_outcome(self._folder, Outcome(outcome.values, outcome.reason, outcome.problems, seconds))
            self._written = True
            return True

    def failure(self, error: Exception) -> None:
        """Write what the error being handled comes to, and its traceback where that tells more."""
        if isinstance(error, UsageError):
            self.write(Outcome(reason="wrong input", problems=error.problems))
            return
        if not isinstance(error, UnusableResultError | JobTimeoutError):
            (self._folder / ERROR_NAME).write_text(traceback.format_exc())
        is_own = isinstance(error, JobTimeoutError | JobFailedError)
        self.write(Outcome(reason=str(error) if is_own else failure_reason(error)))
