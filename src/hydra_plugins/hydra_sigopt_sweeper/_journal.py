"""The sweep's own record, in its folder: which job trains which suggestion, and which are reported."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from ._job import Job

JOURNAL_NAME = "journal.jsonl"


class Journal:
    """An append-only file, a line an event, each on disk before the sweep goes on.

    A line cut short by a crash is the last one and is passed over: the event did not happen.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / JOURNAL_NAME
        self.jobs: dict[int, Job] = {}
        self._reported: set[int] = set()
        self._read()

    def _read(self) -> None:
        if not self._path.exists():
            return
        text = self._path.read_text()
        complete = text[: text.rfind("\n") + 1]
        if complete != text:
            self._path.write_text(complete)
        for line in complete.splitlines():
            event = json.loads(line)
            if event["event"] == "job":
                job = Job(**event["job"])
                self.jobs[job.number] = job
            else:
                self._reported.add(event["number"])

    def next_number(self) -> int:
        """Return the number of the next new job; the first is 1, and a number is never used again."""
        return max(self.jobs, default=0) + 1

    def add(self, job: Job) -> None:
        """Record a job before it starts."""
        self._append({"event": "job", "job": asdict(job)})
        self.jobs[job.number] = job

    def mark_reported(self, number: int) -> None:
        """Record that SigOpt has the job's observation."""
        self._append({"event": "reported", "number": number})
        self._reported.add(number)

    def unreported(self) -> list[Job]:
        """Return the jobs that SigOpt has no observation of yet, in the order they were drawn."""
        return [job for number, job in sorted(self.jobs.items()) if number not in self._reported]

    def job_folder(self, number: int) -> Path:
        """Return the folder that the job of this number runs in."""
        return self.folder / str(number)

    def _append(self, event: dict[str, object]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(event) + "\n")
            file.flush()
            os.fsync(file.fileno())
