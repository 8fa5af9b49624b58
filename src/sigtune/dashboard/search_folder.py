"""The folder of an experiment's search, where it is on this machine: its jobs, and the files of each.

The experiment's metadata names the folder, and whoever may write to the store can write that. So it is shown
only where it is the search folder of just this experiment, and of its files only those that sigtune writes.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from sigtune.dashboard.files_inside import FileInside, is_folder_inside, is_locked_inside, read_inside
from sigtune.dashboard.source import Json
from sigtune.definition.metadata import SWEEP_FOLDER_KEY
from sigtune.passwords import mask_passwords
from sigtune.report.confusion import CONFUSION_NAMES, MOST_BYTES, parse_confusion
from sigtune.report.journal_events import JOURNAL_NAME, events
from sigtune.report.logged_curves import LOGGED_NAMES

RUN_FILES = {
    "overrides": (".hydra", "overrides.yaml"),
    "config": (".hydra", "config.yaml"),
    "error": ("error.log",),
    "output": ("output.log",),
    "outcome": ("outcome.json",),
}
"""The files of a run that are shown, by the name that a page's address has for them."""

LONGEST_FILE = 256 * 2**10
"""Bytes that are shown of a file: its end."""

_LONGEST_METRICS = 16 * 2**20
_LONGEST_JOURNAL = 64 * 2**20
_DOTTED_NAME = re.compile(r"\w+(\.\w+)+")
_MOST_ASKED = 20
"""Jobs that are asked for what is the same in all of them, and gone with some of their folders."""

_APP_NAME = re.compile(r"^  job:\n    name: ([\w-]+)$", re.MULTILINE)


@dataclass
class Job:
    """A job as the journal has it; `attempts`, `slots` and `handles` are by the index of the run."""

    number: int
    suggestion: str
    assignments: Json
    overrides: Sequence[str]
    runs: int
    folder: str
    attempts: dict[int, int] = field(default_factory=dict)
    slots: dict[int, int] = field(default_factory=dict)
    handles: dict[int, str] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)
    is_reported: bool = False

    def run_folders(self) -> list[tuple[str, ...]]:
        """Return the folder of each run, below that of the search."""
        parts = tuple(self.folder.split("/"))
        return [parts] if self.runs == 1 else [(*parts, str(index + 1)) for index in range(self.runs)]


@dataclass(frozen=True)
class SearchFolder:
    """The search's folder on this machine, with its jobs by number."""

    path: Path
    jobs: dict[int, Job]
    version: str
    """Another text once the journal has grown."""

    def job_of(self, suggestion: str | None, assignments: Json) -> Job | None:
        """Return the job that trained a suggestion; None where the journal has it with other assignments."""
        for job in self.jobs.values():
            if job.suggestion == suggestion and job.assignments == assignments:
                return job
        return None

    def read(self, run_folder: Sequence[str], file: str) -> FileInside | None:
        """Return the end of one of a run's `RUN_FILES`."""
        return read_inside(self.path, (*run_folder, *RUN_FILES[file]), LONGEST_FILE)

    def outcome(self, run_folder: Sequence[str]) -> Json | None:
        """Return what a run left when it finished; None where it has not, or the file is damaged."""
        found = self.read(run_folder, "outcome")
        try:
            outcome = json.loads(found.text) if found else None
        except ValueError:
            return None
        return outcome if isinstance(outcome, dict) else None

    def is_running(self, run_folder: Sequence[str]) -> bool:
        """Return whether a process of this machine runs in the run's folder."""
        return is_locked_inside(self.path, (*run_folder, "running.lock"))

    @cached_property
    def is_searching(self) -> bool:
        """Whether a search of this machine works in the folder."""
        return is_locked_inside(self.path, ("sweep.lock",))

    def begun(self, run_folder: Sequence[str]) -> float | None:
        """Return when the run's last attempt was started, in seconds since 1970."""
        found = read_inside(self.path, (*run_folder, "attempt"), 100)
        return None if found is None else found.modified

    def checkpoint(self, run_folder: Sequence[str]) -> str | None:
        """Return the path of a run's last checkpoint."""
        parts = (*run_folder, "checkpoints", "last.ckpt")
        return str(self.path.joinpath(*parts)) if read_inside(self.path, parts, 0) else None

    def log(self, run_folder: Sequence[str]) -> FileInside | None:
        """Return the end of what a run has logged."""
        return read_inside(self.path, (*run_folder, f"{self._app(run_folder) or 'train'}.log"), LONGEST_FILE)

    def logged_metrics(self, run_folder: Sequence[str]) -> Iterator[FileInside]:
        """Yield the files of metrics by epoch that a run has left: sigtune's own, or those of a logger."""
        for name in LOGGED_NAMES:
            found = read_inside(self.path, (*run_folder, *name.split("/")), _LONGEST_METRICS)
            if found is not None and found.size <= _LONGEST_METRICS:
                yield found

    def confusions(self, job: Job) -> Iterator[Json]:
        """Yield the figures of the confusion matrices that the job's runs have left."""
        for index, run_folder in enumerate(job.run_folders()):
            for name in CONFUSION_NAMES:
                found = read_inside(self.path, (*run_folder, name), MOST_BYTES)
                which = f", run {index + 1}" if job.runs > 1 else ""
                figure = parse_confusion(found.text, which) if found else None
                if figure is not None:
                    yield figure

    def _app(self, run_folder: Sequence[str]) -> str | None:
        """Return the name of the Hydra app, which its script and its log have; None where it is not known."""
        found = read_inside(self.path, (*run_folder, ".hydra", "hydra.yaml"), LONGEST_FILE)
        name = _APP_NAME.search(found.text) if found else None
        return name[1] if name else None

    def experiment_class(self) -> str | None:
        """Return which class made configs of the search's suggestions, as a job's config names it."""
        for job in islice(self.jobs.values(), _MOST_ASKED):
            found = self.read(job.run_folders()[0], "config")
            with suppress(yaml.YAMLError, KeyError, TypeError):
                name = yaml.safe_load(found.text if found else "")["sigopt"]["experiment_class"]
                return str(name) if _DOTTED_NAME.fullmatch(str(name)) else None
        return None

    def command(self, job: Job) -> str:
        """Return the command that trains the job again, in the folder where the search was started."""
        return mask_passwords(shlex.join(["python", self._script(job), *job.overrides]))

    def test_command(self, job: Job, checkpoint: str) -> str:
        """Return the command that tests the weights of one of the job's checkpoints."""
        options = ["--config-name", "evaluate", f"checkpoint={checkpoint}"]
        return shlex.join(["python", self._script(job), *options])

    def _script(self, job: Job) -> str:
        """Return the script's name, from other jobs of the search where the job's own folder is gone."""
        jobs = (job, *islice(self.jobs.values(), _MOST_ASKED))
        names = (self._app(each.run_folders()[0]) for each in jobs)
        return f"{next(filter(None, names), 'train')}.py"

    def state(self, job: Job, index: int) -> str:
        """Return in a word what one of the job's runs does."""
        run_folder = job.run_folders()[index]
        outcome = self.outcome(run_folder)
        if outcome is not None:
            return "failed" if outcome.get("values") is None else "finished"
        if self.is_running(run_folder):
            return "runs"
        if job.is_reported and not is_folder_inside(self.path, run_folder):
            return "gone"
        if not self.is_searching:
            return "stopped"
        if index not in job.attempts:
            return "waits"
        # A cluster's job runs on another machine, whose locks are not seen here.
        return "submitted" if index in job.handles else "starts"

    def open_runs_version(self) -> list[tuple[int, str, int]]:
        """Return what is another once a run that is not reported does something else, or has logged more."""
        return [
            (job.number, self.state(job, index), sum(file.size for file in self.logged_metrics(run_folder)))
            for job in self.jobs.values()
            if not job.is_reported
            for index, run_folder in enumerate(job.run_folders())
        ]


def find_search_folder(experiment: Json) -> SearchFolder | None:
    """Return the folder of the experiment's search; None where it is not on this machine, or another's."""
    named = (experiment["metadata"] or {}).get(SWEEP_FOLDER_KEY)
    if not isinstance(named, str) or not Path(named).is_absolute() or "\0" in named:
        return None
    try:
        folder = Path(named).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    journal = read_inside(folder, (JOURNAL_NAME,), _LONGEST_JOURNAL)
    if journal is None:
        return None
    recorded = list(events(journal.text))
    if (
        not recorded
        or recorded[0].get("event") != "sweep"
        or recorded[0].get("experiment") != experiment["id"]
    ):
        return None
    return SearchFolder(folder, _jobs(recorded), f"{journal.size}-{journal.modified}")


def _jobs(recorded: Sequence[Json]) -> dict[int, Job]:
    jobs: dict[int, Job] = {}
    for event in recorded:
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            if event["event"] == "job":
                job = _job(event["job"])
                jobs[job.number] = job
            elif event["event"] != "sweep":
                _note(jobs[event["number"]], event)
    return jobs


def _job(given: dict[str, Any]) -> Job:
    overrides = [str(override) for override in given["overrides"]]
    runs = max(1, len(given.get("repeats", [[]])))
    number = int(given["number"])
    folder = str(given.get("subdir") or number)
    return Job(number, str(given["suggestion"]), dict(given["assignments"]), overrides, runs, folder)


def _note(job: Job, event: Json) -> None:
    match event["event"]:
        case "started":
            job.attempts[event["run"]] = event["attempt"]
            job.slots[event["run"]] = int(event["slot"])
        case "submitted":
            job.handles[event["run"]] = str(event["handle"])
        case "lost":
            job.losses.append(str(event["reason"]))
        case "reported":
            job.is_reported = True
