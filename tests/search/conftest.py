"""Sweeps of a small Hydra app, run as their users type them."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import sigopt

from sigtune.backend.driver import LocalDriver

APP = Path(__file__).parent / "app.py"


@dataclass
class SweepApp:
    """The app in a folder of its own, with its store and, unless a test says otherwise, one sweep folder."""

    folder: Path
    environment: dict[str, str]

    @property
    def sweep_dir(self):
        return self.folder / "sweep"

    def command(self, *arguments):
        return [sys.executable, str(APP), "-m", f"hydra.sweep.dir={self.sweep_dir}", *arguments]

    def run(self, *arguments, timeout=120):
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments):
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def experiment(self, experiment_id="1"):
        connection = sigopt.Connection(driver=LocalDriver, url=f"sqlite:///{self.folder}/app.db")
        return connection.experiments(experiment_id)

    def observations(self, experiment_id="1"):
        """The observations, oldest first."""
        return list(self.experiment(experiment_id).observations().fetch().iterate_pages())[::-1]

    def by_job(self):
        return {observed.metadata["job"]: observed for observed in self.observations()}

    def open_suggestions(self):
        return list(self.experiment().suggestions().fetch(state="open").iterate_pages())

    def journal(self):
        return [json.loads(line) for line in (self.sweep_dir / "journal.jsonl").read_text().splitlines()]

    def starts(self, number):
        path = self.sweep_dir / str(number) / "starts"
        return path.read_text().splitlines() if path.exists() else []


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def app(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGOPT")}
    return SweepApp(tmp_path, environment)
