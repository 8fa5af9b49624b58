"""Workers that share one experiment, each a process of worker.py."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from sigtune.tuning.connection import connect
from sigtune.tuning.experiment import SigOptExperiment

from .processes import wait_until

WORKER = Path(__file__).parent / "worker.py"
WORK_SECONDS = 600


class Workers:
    """The workers, and the experiment in the store that they work for."""

    def __init__(self, store: str, folder: Path, budget: int) -> None:
        self._store = store
        self._folder = folder
        self._budget = budget
        self._running: list[subprocess.Popen[str]] = []
        self._experiment = SigOptExperiment(connection=connect("local", store))
        self._experiment.create_experiment(
            name="shared",
            type="random",
            parameters=[{"name": "x", "type": "double", "bounds": {"min": -10, "max": 10}}],
            metrics=[{"name": "height"}],
            observation_budget=budget,
            parallel_bandwidth=16,
        )

    def start(self, count: int) -> None:
        """Start so many workers."""
        command = [sys.executable, str(WORKER), self._store, str(self._folder)]
        for _ in range(count):
            self._running.append(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            )

    def wait_for_begun(self, count: int) -> None:
        """Wait until so many trainings have begun."""
        wait_until(lambda: len(list(self._folder.iterdir())) >= count, f"{count} trainings to begin", 300)

    def kill_one(self) -> None:
        """Kill the worker that began to train last, as a power cut does."""
        pids = [int(path.name.split(".")[0]) for path in sorted(self._folder.iterdir(), key=_begun)]
        worker = {process.pid: process for process in self._running}
        last = next(worker[pid] for pid in reversed(pids) if pid in worker)
        self._running.remove(last)
        last.kill()
        last.communicate()

    def expect_success(self) -> None:
        """Wait for all that are left to end well."""
        for process in self._running:
            output, _ = process.communicate(timeout=WORK_SECONDS)
            assert process.returncode == 0, output

    def end(self) -> None:
        """Kill what a failed test has left running."""
        for process in self._running:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def assert_sound(self) -> None:
        """Check that the whole budget was observed, nothing twice, and nothing is left open."""
        observations: list[Any] = self._experiment.observations()
        assert len(observations) == self._budget
        assert len({observed.suggestion for observed in observations}) == self._budget
        assert len({observed.assignments["x"] for observed in observations}) == self._budget
        assert not any(observed.failed for observed in observations)
        assert all(
            observed.values[0].value == -abs(observed.assignments["x"] - 3) for observed in observations
        )
        assert self._experiment.open_suggestions() == []


def _begun(path: Path) -> float:
    return float(path.name.split(".", 1)[1])
