"""The sweep's own record, in its folder: which job trains which suggestion, and which are reported."""

from __future__ import annotations

import json
import os
import threading
import uuid
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sigtune.errors import DamagedFileError, Problem, UnwritableFileError, UsageError
from sigtune.report.journal_events import JOURNAL_NAME
from sigtune.search.job_folders import clash, is_below, last_number, left_by_another
from sigtune.search.jobs import Job, Run


class Journal:
    """An append-only file, a line an event, each on disk before the sweep goes on.

    A line cut short by a crash is the last one and is passed over: the event did not happen. Any other that
    cannot be read is a DamagedFileError; a line that cannot be written, an UnwritableFileError.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / JOURNAL_NAME
        self.experiment_id: str | None = None
        self.sweep_id = ""
        self.jobs: dict[int, Job] = {}
        self._handles: dict[tuple[int, int], str] = {}
        self._attempts: dict[tuple[int, int], int] = {}
        self._slots: dict[tuple[int, int], int] = {}
        self._losses: dict[tuple[int, int], int] = {}
        self._failures: dict[tuple[int, int], int] = {}
        self._reported: set[int] = set()
        self._last_folder = last_number(folder)
        self._lock = threading.Lock()  # an executor's threads call mark_submitted
        self._read()

    def _read(self) -> None:
        if not self._path.exists():
            return
        text = self._path.read_text(errors="replace")
        complete = text[: text.rfind("\n") + 1]
        if complete != text:
            self._path.write_text(complete)
        for number, line in enumerate(complete.splitlines(), start=1):
            self._take_line(number, line)

    def _take_line(self, number: int, line: str) -> None:
        try:
            self._take(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            remedy = "remove the line, and resume: what it said is found out again, or run again"
            raise DamagedFileError([Problem(f"{self._path}, line {number}", "is damaged", remedy)]) from error

    def _take(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "sweep":
                self.experiment_id, self.sweep_id = event["experiment"], event["id"]
            case "job":
                job = Job(**event["job"])
                if not is_below(job.folder):
                    raise ValueError("a folder outside that of the search")
                self.jobs[job.number] = job
            case "started":
                run = event["number"], event["run"]
                self._attempts[run] = event["attempt"]
                self._slots[run] = event.get("slot", 0)  # a journal of an older release has none
                self._handles.pop(run, None)
            case "lost":
                run = event["number"], event["run"]
                self._losses[run] = self._losses.get(run, 0) + 1
            case "failed":
                run = event["number"], event["run"]
                self._failures[run] = self._failures.get(run, 0) + 1
            case "submitted":
                self._handles[event["number"], event["run"]] = event["handle"]
            case "reported":
                self._reported.add(event["number"])

    def begin(self, experiment_id: str, sweep_id: str | None = None) -> None:
        """Record which experiment the folder belongs to, and a name for this sweep that no other has.

        `sweep_id` is the name of the sweep whose journal was lost.
        """
        name = sweep_id or uuid.uuid4().hex
        self._append({"event": "sweep", "experiment": experiment_id, "id": name})

    def next_number(self) -> int:
        """Return the number of the next new job; the first is 1, and a number is never used again.

        Not that of a folder either, which holds the outcome of a job whose line was lost.
        """
        return max([self._last_folder, *self.jobs]) + 1

    def add(self, job: Job) -> None:
        """Record a job before it starts. Raises UsageError where its folder is that of another job."""
        problem = clash(job, self.jobs.values()) or left_by_another(job, self.folder)
        if problem is not None:
            raise UsageError([problem])
        self._append({"event": "job", "job": asdict(job)})

    def begin_attempt(self, run: Run) -> Run:
        """Record that the run is started in its slot, the first time or again; return it with its attempt."""
        attempt = self.attempt(run) + 1
        started = {"number": run.job.number, "run": run.index, "attempt": attempt, "slot": run.slot}
        self._append({"event": "started", **started})
        return replace(run, attempt=attempt)

    def attempt(self, run: Run) -> int:
        """Return the last attempt at the run; 0 where it was never started."""
        return self._attempts.get((run.job.number, run.index), 0)

    def slot(self, run: Run) -> int:
        """Return the slot of the run's last attempt; 0 where it is not known."""
        return self._slots.get((run.job.number, run.index), 0)

    def mark_lost(self, run: Run, reason: str) -> int:
        """Record that the infrastructure took the run; return how often it has by now."""
        self._append({"event": "lost", "number": run.job.number, "run": run.index, "reason": reason})
        return self._losses[run.job.number, run.index]

    def mark_failed(self, run: Run, reason: str) -> int:
        """Record that the run failed and may be tried again; return how often it has failed by now."""
        self._append({"event": "failed", "number": run.job.number, "run": run.index, "reason": reason})
        return self._failures[run.job.number, run.index]

    def mark_submitted(self, run: Run, handle: str) -> None:
        """Record by which name the launcher knows the run."""
        self._append({"event": "submitted", "number": run.job.number, "run": run.index, "handle": handle})

    def mark_reported(self, number: int) -> None:
        """Record that SigOpt has the job's observation."""
        self._append({"event": "reported", "number": number})

    def unreported(self) -> list[Job]:
        """Return the jobs that SigOpt has no observation of yet, in the order they were drawn."""
        return [job for number, job in sorted(self.jobs.items()) if number not in self._reported]

    def handle(self, run: Run) -> str:
        """Return the name by which the launcher knows the run; "" where it has none."""
        return self._handles.get((run.job.number, run.index), "")

    def run_folder(self, run: Run) -> Path:
        """Return the folder that the run is in."""
        return self.folder / run.subdir

    def job_folder(self, number: int) -> Path:
        """Return the folder of the job's runs, or of its only one."""
        return self.folder / self.jobs[number].folder

    def _append(self, event: dict[str, Any]) -> None:
        # What is in memory comes from the line itself, so that it is what a later sweep will read.
        line = json.dumps(event)
        with self._lock:
            try:
                with self._path.open("a") as file:
                    file.write(line + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise UnwritableFileError(self._path, error) from error
            self._take(json.loads(line))
