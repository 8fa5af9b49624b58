"""One job: what it is asked to train, and the outcome it leaves in its folder."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from sigtune.errors import Problem, UsageError
from sigtune.tuning.results import UnusableResultError, metric_values

OUTCOME_NAME = "outcome.json"
ERROR_NAME = "error.log"


@dataclass(frozen=True)
class Job:
    """A suggestion on its way through the launcher; `number` names its folder for good."""

    number: int
    suggestion: str
    assignments: Mapping[str, Any]
    overrides: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """What came of a job: metric values, or the reason why there are none.

    `problems` are those of a UsageError: a mistake in the config, which would fail every job.
    """

    values: Mapping[str, float] | None = None
    reason: str = ""
    problems: Sequence[Problem] = field(default_factory=tuple)
    seconds: float = 0.0


class JobFailedError(Exception):
    """Tells the launcher, which knows exceptions only, that a job ended itself with SystemExit."""


@dataclass(frozen=True)
class RecordedTask:
    """The app's task function, made to leave its outcome in the job's folder whatever happens around it.

    The folder is what the sweep reads: a result is there when the sweep itself has died meanwhile, and
    a launcher's own way of handing results back does not matter.
    """

    task: Callable[[DictConfig], Any]
    metrics: Sequence[str]

    def __call__(self, config: DictConfig) -> Any:
        """Run the task and record its outcome; what it raises is raised again."""
        folder = Path(HydraConfig.get().runtime.output_dir)
        try:
            result = self.task(config)
            write_outcome(folder, Outcome(values=metric_values(result, self.metrics)))
        except UsageError as error:
            write_outcome(folder, Outcome(reason="wrong input", problems=error.problems))
            raise
        except UnusableResultError as error:
            _record_failure(folder, str(error))
            raise
        except SystemExit as error:
            _record_failure(folder, f"the job exited with {error.code}")
            raise JobFailedError(f"the job exited with {error.code}") from error
        except Exception as error:
            _record_failure(folder, _one_line(error))
            raise
        return result


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write the outcome so that a reader finds all of it or nothing, even after a power cut."""
    record = {
        "values": outcome.values,
        "reason": outcome.reason,
        "problems": [[problem.key, problem.what, problem.remedy] for problem in outcome.problems],
    }
    draft = folder / f"{OUTCOME_NAME}.{os.getpid()}"
    with draft.open("w") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / OUTCOME_NAME)


def read_outcome(folder: Path) -> Outcome | None:
    """Return the outcome that a job left in its folder, or None where it left none."""
    path = folder / OUTCOME_NAME
    if not path.exists():
        return None
    record = json.loads(path.read_text())
    problems = tuple(Problem(*fields) for fields in record["problems"])
    return Outcome(record["values"], record["reason"], problems)


def _record_failure(folder: Path, reason: str) -> None:
    (folder / ERROR_NAME).write_text(traceback.format_exc())
    write_outcome(folder, Outcome(reason=reason))


def _one_line(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
