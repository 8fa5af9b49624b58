"""Searches of app.py as a user starts them on a cluster, and what must hold when they have ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sigopt

from sigtune.backend.driver import LocalDriver

from .postgres import PASSWORD
from .processes import wait_until

APP = Path(__file__).parent / "app.py"
SEARCH_SECONDS = 600


@dataclass
class ClusterSearch:
    """One search: its folder, its store, and the command line that it is started with each time."""

    folder: Path
    environment: Mapping[str, str]
    arguments: Sequence[str]
    budget: int
    store: str = ""
    _started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trace.mkdir(parents=True)
        self.shared.mkdir()
        self.store = self.store or f"sqlite:///{self.folder}/app.db"

    @property
    def trace(self) -> Path:
        """The folder that jobs note their steps in."""
        return self.folder / "trace"

    @property
    def shared(self) -> Path:
        """The folder that the sweep's is in, which a node may be without."""
        return self.folder / "shared"

    @property
    def sweep_dir(self) -> Path:
        """The sweep's folder."""
        return self.shared / "sweep"

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Start the sweep; its output goes to the file `output` in the folder."""
        command = [sys.executable, str(APP), "-m", f"hydra.sweep.dir={self.sweep_dir}", f"trace={self.trace}"]
        command.append(f"sigopt.observation_budget={self.budget}")
        with (self.folder / "output").open("a") as output:
            process = subprocess.Popen(
                [*command, *self.arguments, *more],
                cwd=self.folder,
                env={**self.environment, "SIGOPT_STORE": self.store},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def resume(self) -> subprocess.Popen[str]:
        """Start the sweep again, as the resume line says."""
        return self.start("sigopt.experiment_id=1")

    def kill(self) -> None:
        """Kill the sweep as a power cut does."""
        process = self._started[-1]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        """Kill what a failed test has left running."""
        if self._started and self._started[-1].poll() is None:
            self.kill()

    @property
    def output(self) -> str:
        """What the sweeps have printed."""
        return (self.folder / "output").read_text()

    def expect_exit(self, process: subprocess.Popen[str], code: int = 0) -> None:
        """Wait for the sweep to end, with this exit code."""
        try:
            assert process.wait(timeout=SEARCH_SECONDS) == code, self.output
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the search did not end:\n{self.output}") from None

    def begins(self, number: int) -> list[list[str]]:
        """Return what a job noted each time it began: its step, process, node and time."""
        path = self.trace / str(number)
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split()[1:] for line in lines if line.startswith("begin")]

    def has_begun(self, *numbers: int) -> bool:
        """Return whether each of the jobs has begun."""
        return all(self.begins(number) for number in numbers)

    def wait_for(self, *numbers: int) -> None:
        """Wait until each of the jobs has begun."""
        wait_until(lambda: self.has_begun(*numbers), f"jobs {numbers} to begin", 300)

    def wait_for_checkpoint(self, *numbers: int) -> None:
        """Wait until each of the jobs has written its first checkpoint."""
        files = [self.sweep_dir / str(number) / "checkpoint" for number in numbers]
        wait_until(lambda: all(file.exists() for file in files), f"checkpoints of jobs {numbers}", 300)

    def has_ended(self, number: int) -> bool:
        """Return whether the job came to its end."""
        path = self.trace / str(number)
        return path.exists() and "\nend " in path.read_text()

    def observations(self) -> list[Any]:
        """Return the observations, oldest first."""
        driver = LocalDriver(self.store)
        try:
            connection = sigopt.Connection(driver=lambda: driver)
            return list(connection.experiments("1").observations().fetch().iterate_pages())[::-1]
        finally:
            driver.close()

    def open_suggestions(self) -> list[Any]:
        """Return the suggestions that nobody has observed."""
        driver = LocalDriver(self.store)
        try:
            connection = sigopt.Connection(driver=lambda: driver)
            return list(connection.experiments("1").suggestions().fetch(state="open").iterate_pages())
        finally:
            driver.close()

    def assert_sound(self, failed: Sequence[int] = ()) -> None:
        """Check that nothing is lost, doubled or written down that is secret, and only failures failed."""
        observations = self.observations()
        jobs = [observed.metadata["job"] for observed in observations]
        assert sorted(jobs) == list(range(1, self.budget + 1)), self.output
        assert len({observed.suggestion for observed in observations}) == self.budget
        assert self.open_suggestions() == []
        assert {observed.metadata["job"] for observed in observations if observed.failed} == set(failed), (
            self.output
        )
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        assert not any(PASSWORD.encode() in path.read_bytes() for path in files)
        for observed in observations:
            if not observed.failed:
                assert observed.values[0].value == -abs(observed.assignments["x"] - 3)
                assert self.has_ended(observed.metadata["job"])


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without its SigOpt and Slurm, and with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SIGOPT", "SLURM"))}
    return {**kept, **more}
