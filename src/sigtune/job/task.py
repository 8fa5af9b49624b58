"""The app's task function, made to leave its outcome in the run's folder and to return it."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import Timeout
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from sigtune.errors import DamagedFileError, JobStoppedError, UnwritableFileError, UsageError
from sigtune.job.attempt import exiting_when_superseded, read_attempt
from sigtune.job.metric_values import UnusableResultError, failure_reason, metric_values
from sigtune.job.outcome import ERROR_NAME, Outcome, read_outcome, running_lock, write_outcome
from sigtune.job.stop import stop_file
from sigtune.job.termination import is_terminated
from sigtune.job.time_limit import JobTimeoutError, exiting_after, raising_after
from sigtune.passwords import mask_passwords_in

# A resumed sweep tries the lock for an instant, to see whether its predecessor's run still has it.
_LOCK_PATIENCE = 10.0
_LONGEST_TRACEBACK = 64_000
_SUPERSEDED = "a later attempt has its folder"


class JobFailedError(Exception):
    """The job failed. This carries the outcome through Hydra and the launcher.

    The job's own error, which may be of a class that no pickle can carry, is its cause.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome

    def __str__(self) -> str:
        return self.outcome.reason


def this_process() -> str:
    """Return a name of this process that no other on any machine has."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True)
class RecordedTask:
    """The task function with its outcome returned, and first of all written into the run's folder.

    A launcher hands the outcome to the sweep; the copy in the folder is there when the sweep itself has died
    meanwhile. `timeout` is in seconds, and `sweep` is the process of the sweep, where some launchers run the
    jobs too. `metrics` are in the order of a job's sequence if `are_ordered`. `attempt` is 0 where the
    launcher does not hand it on: then it is the one written in the folder.
    """

    task: Callable[[DictConfig], Any]
    metrics: Sequence[str]
    timeout: float | None
    sweep: str
    attempt: int = 0
    are_ordered: bool = True

    def __call__(self, config: DictConfig) -> Outcome:
        """Run the task and return its outcome.

        Raises JobFailedError with the outcome of a job that failed, and JobStoppedError for one that has none
        because it was asked to stop, or its process is being ended. SystemExit that ends such a process, as
        submitit's does, is passed on.
        """
        folder = Path(HydraConfig.get().runtime.output_dir)
        attempt = self.attempt or read_attempt(folder)
        with ExitStack() as stack:
            try:
                stack.enter_context(running_lock(folder).acquire(timeout=_LOCK_PATIENCE))
            except Timeout as error:
                raise JobStoppedError("an earlier attempt still runs in its folder") from error
            if read_attempt(folder) > attempt:
                raise JobStoppedError(_SUPERSEDED)
            if (outcome := _finished(folder, attempt)) is not None:
                return outcome
            mask_passwords_in(folder / ".hydra")
            if self.sweep != this_process():
                stack.enter_context(exiting_when_superseded(folder, attempt))
            return self._run(config, folder, _Record(folder, attempt))

    def _run(self, config: DictConfig, folder: Path, record: _Record) -> Outcome:
        try:
            with self._time_limit(record):
                result = self.task(config)
            return record.write(Outcome(values=metric_values(result, self.metrics, self.are_ordered)))
        except JobStoppedError:
            self._pass_stop_on()
            raise
        except Exception as error:
            if is_terminated(error):
                raise JobStoppedError(failure_reason(error)) from error
            raise JobFailedError(record.write(_failure(error, folder))) from error
        except SystemExit as error:
            # Lightning answers Ctrl-C with sys.exit(1).
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            if is_terminated(error):
                raise
            write_traceback(folder)
            failure = Outcome(reason=f"the job exited with {error.code}")
            raise JobFailedError(record.write(failure)) from error

    def _time_limit(self, record: _Record) -> AbstractContextManager[None]:
        if self.timeout is None:
            return nullcontext()
        reason = f"timed out after {self.timeout:g} s"
        if self.sweep == this_process():
            return raising_after(self.timeout, JobTimeoutError(reason))
        return exiting_after(self.timeout, lambda: record.write_first(Outcome(reason=reason)))

    def _pass_stop_on(self) -> None:
        """Where the sweep runs in this process, the signal that stopped the job was meant for both."""
        if self.sweep == this_process():
            stop_file(HydraConfig.get().sweep.dir).touch()


class _Record:
    """The outcome of one run. The first one written stays: a timer may come while the task ends."""

    def __init__(self, folder: Path, attempt: int) -> None:
        self._folder = folder
        self._attempt = attempt
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._written: Outcome | None = None

    def write(self, outcome: Outcome) -> Outcome:
        """Write the outcome with the run's duration and attempt; return the one that stays.

        Raises JobStoppedError where the folder belongs to a later attempt.
        """
        with self._lock:
            if self._written is None:
                if read_attempt(self._folder) > self._attempt:
                    raise JobStoppedError(_SUPERSEDED)
                seconds = time.monotonic() - self._begun
                self._written = replace(outcome, seconds=seconds, attempt=self._attempt)
                with suppress(UnwritableFileError):  # the launcher hands it to the sweep, which says so
                    write_outcome(self._folder, self._written)
            return self._written

    def write_first(self, outcome: Outcome) -> bool:
        """Write the outcome; return whether it is the one that stays."""
        return self.write(outcome).reason == outcome.reason


def _finished(folder: Path, attempt: int) -> Outcome | None:
    """Return the outcome of this attempt where it had finished when its cluster started it once more."""
    try:
        outcome = read_outcome(folder)
    except DamagedFileError:
        return None
    return outcome if outcome is not None and 0 < attempt == outcome.attempt else None


def _failure(error: Exception, folder: Path) -> Outcome:
    """Return the outcome of a job that raised `error`; write its traceback where that says more."""
    if isinstance(error, UsageError):
        return Outcome(reason="wrong input", problems=error.problems)
    if isinstance(error, JobTimeoutError):
        return Outcome(reason=str(error))
    if not isinstance(error, UnusableResultError):
        write_traceback(folder)
    return Outcome(reason=failure_reason(error))


def write_traceback(folder: Path) -> None:
    """Write the traceback of the error that is being handled, or its end, into a run's folder."""
    with suppress(OSError):  # the outcome has the reason
        (folder / ERROR_NAME).write_text(traceback.format_exc()[-_LONGEST_TRACEBACK:])
