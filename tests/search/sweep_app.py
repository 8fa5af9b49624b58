"""A sweep of a small Hydra app, run as its users type it, and what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sigopt
import yaml
from sigopt.objects import Observation, Suggestion
from sigopt.resource import BoundApiResource

from sigtune.backend.driver import LocalDriver
from tests import app_process
from tests.patience import PATIENCE_SECONDS

APP = Path(__file__).parent / "app.py"


@dataclass
class SweepApp:
    """The app in a folder of its own, with its store and, unless a test says otherwise, one sweep folder."""

    folder: Path
    environment: dict[str, str]

    @property
    def sweep_dir(self) -> Path:
        return self.folder / "sweep"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(APP), "-m", f"hydra.sweep.dir={self.sweep_dir}", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return app_process.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )

    def start(self, *arguments: str) -> app_process.Popen:
        return app_process.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def experiment(self, experiment_id: str = "1") -> BoundApiResource:
        connection = sigopt.Connection(driver=LocalDriver, url=f"sqlite:///{self.folder}/app.db")
        return connection.experiments(experiment_id)

    def observations(self, experiment_id: str = "1") -> list[Observation]:
        """The observations, oldest first."""
        return list(self.experiment(experiment_id).observations().fetch().iterate_pages())[::-1]

    def by_job(self) -> dict[int, Observation]:
        return {observed.metadata["job"]: observed for observed in self.observations()}

    def open_suggestions(self) -> list[Suggestion]:
        return list(self.experiment().suggestions().fetch(state="open").iterate_pages())

    def journal(self) -> list[dict[str, Any]]:
        """The complete lines of the journal; none before there is one."""
        path = self.sweep_dir / "journal.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def starts(self, number: int) -> list[str]:
        path = self.sweep_dir / str(number) / "starts"
        return path.read_text().splitlines() if path.exists() else []

    def seed_of(self, number: int) -> int:
        """The seed that the job was trained with, as its own record of its overrides says."""
        overrides = yaml.safe_load((self.sweep_dir / str(number) / ".hydra" / "overrides.yaml").read_text())
        (seed,) = (override for override in overrides if override.startswith("seed="))
        return int(seed.removeprefix("seed="))


def app_in(folder: Path) -> SweepApp:
    """Return the app in a folder, in an environment without settings of SigOpt."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGOPT")}
    return SweepApp(folder, environment)


def output_of(process: app_process.Popen) -> str:
    """Wait for the process to end, and return what it has printed."""
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert output is not None
    return output


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def labelled(output: str, label: str) -> list[str]:
    """Return the lines of the output that begin with the label, without it."""
    return [line.removeprefix(label).strip() for line in output.splitlines() if line.startswith(label)]
