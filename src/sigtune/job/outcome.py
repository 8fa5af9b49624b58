"""The outcome of a run, and what the run leaves in its folder: that outcome, and a lock while it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from sigtune.errors import DamagedFileError, Problem, UnwritableFileError

OUTCOME_NAME = "outcome.json"
ERROR_NAME = "error.log"
_RUNNING_NAME = "running.lock"

# What a job says is kept to a few kilobytes: it is read again at each resume, and shown in a line.
_LONGEST_TEXT = 2000
_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run that finished: metric values, or the reason why there are none.

    `problems` are those of a UsageError: a mistake in the config, which would fail every job. `attempt` is
    the one that finished, 0 where that is not known.
    """

    values: Mapping[str, float] | None = None
    reason: str = ""
    problems: Sequence[Problem] = field(default_factory=tuple)
    seconds: float = 0.0
    attempt: int = 0


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write the outcome so that a reader finds all of it or nothing, even after a power cut.

    Raises UnwritableFileError where that cannot be.
    """
    problems = outcome.problems[:_MOST_PROBLEMS]
    record = {
        "values": outcome.values,
        "reason": outcome.reason[:_LONGEST_TEXT],
        "problems": [
            [text[:_LONGEST_TEXT] for text in (problem.key, problem.what, problem.remedy)]
            for problem in problems
        ],
        "seconds": outcome.seconds,
        "attempt": outcome.attempt,
    }
    path = folder / OUTCOME_NAME
    draft = folder / f"{OUTCOME_NAME}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with draft.open("w") as file:
            json.dump(record, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise UnwritableFileError(path, error) from error


def read_outcome(folder: Path) -> Outcome | None:
    """Return the outcome that a run left in its folder, or None where it left none.

    Raises DamagedFileError where the file holds anything else.
    """
    path = folder / OUTCOME_NAME
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text())
        problems = tuple(Problem(*fields) for fields in record["problems"])
        attempt = record.get("attempt", 0)
        return Outcome(record["values"], record["reason"], problems, record["seconds"], attempt)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = "remove it, and resume: the run goes on from its last checkpoint"
        raise DamagedFileError([Problem(str(path), "is damaged", remedy)]) from error


def remove_outcome(folder: Path) -> None:
    """Make the run's folder one of a run that has not finished. Raises UnwritableFileError."""
    path = folder / OUTCOME_NAME
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableFileError(path, error) from error


def running_lock(folder: Path) -> FileLock:
    """Return the lock that a run holds on its folder while it runs, in whichever process that is."""
    return FileLock(folder / _RUNNING_NAME, timeout=0)


def is_running(folder: Path) -> bool:
    """Return whether some process runs in the folder now; the system frees the lock of a dead one."""
    if not (folder / _RUNNING_NAME).exists():
        return False
    try:
        with running_lock(folder):
            return False
    except Timeout:
        return True
