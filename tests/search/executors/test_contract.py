"""What every executor promises, on the launcher that it stands for."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from sigtune.config.hydra_version import VERSION_BASE
from sigtune.errors import JobStoppedError, Problem, UsageError
from sigtune.job.outcome import Outcome, is_running, read_outcome
from sigtune.job.task import RecordedTask, this_process
from sigtune.search.executors.protocol import Executor, Launch, Lost, RunResult
from sigtune.search.executors.registry import choose_executor
from sigtune.search.jobs import Job, Run
from tests.patience import PATIENCE_SECONDS

from ..sweep_app import wait_until

CONF = Path(__file__).parents[1] / "conf"
QUIET = ["hydra/job_logging=none", "hydra/hydra_logging=none"]
OPTIONS = {
    "ray": [
        "+hydra.launcher.ray.init.num_cpus=2",
        "+hydra.launcher.ray.init.include_dashboard=false",
        "+hydra.launcher.ray.remote.num_cpus=0.5",
    ]
}
ANYWHERE = [
    "basic",
    "joblib",
    "submitit_local",
    pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.filterwarnings("ignore")]),
]
# Where a run has a process of its own. With the basic launcher, what kills a run kills the sweep.
ELSEWHERE = ANYWHERE[1:]


def train(config: DictConfig) -> dict[str, float]:
    """End as `label` says; "wait" waits for a file of that name beside the run's folder."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    (folder / "begun").touch()
    match config.label:
        case "raise":
            raise ValueError("no good")
        case "usage":
            raise UsageError([Problem("size", "is wrong", "1")])
        case "exit":
            sys.exit(5)
        case "stop":
            raise JobStoppedError("asked to")
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "wait":
            while not (folder.parent / "go on").exists():
                time.sleep(0.02)
    return {"height": float(config.size)}


# As a user's task is, which stands in the program that they start: it is pickled by value.
train.__module__ = "__main__"


@dataclass
class Runs:
    """An executor with what it has returned so far; runs are numbered as they are started."""

    executor: Executor
    folder: Path
    handles: dict[int, str]
    ended: dict[int, RunResult] = field(default_factory=dict)
    slots: dict[int, int] = field(default_factory=dict)
    count: int = 0

    def start(self, label: str = "plain") -> int:
        self.count += 1
        overrides = [f"label={label}", f"size={self.count}", "x=0"]
        slot = min({1, 2} - {slot for number, slot in self.slots.items() if number not in self.ended})
        self.slots[self.count] = slot
        self.executor.submit(Run(Job(self.count, str(self.count), {}, overrides), 0, 1, slot))
        return self.count

    def result(self, number: int) -> RunResult:
        """Wait for the run to end."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while number not in self.ended:
            assert time.monotonic() < deadline, "waited in vain"
            self.wait(1)
        return self.ended[number]

    def wait(self, seconds: float) -> None:
        for run, result in self.executor.wait(seconds):
            assert run.job.number not in self.ended, "returned twice"
            self.ended[run.job.number] = result

    def folder_of(self, number: int) -> Path:
        return self.folder / str(number)

    def has_begun(self, number: int) -> bool:
        return (self.folder_of(number) / "begun").exists()


@contextmanager
def runs_on(launcher: str, folder: Path) -> Iterator[Runs]:
    """Yield runs on the launcher with two slots, as a sweep in the folder would have them."""
    overrides = [f"hydra/launcher={launcher}", *QUIET, *OPTIONS.get(launcher, ())]
    with initialize_config_dir(str(CONF), **VERSION_BASE, job_name="app"):
        config = compose("app", [*overrides, f"hydra.sweep.dir={folder}"], return_hydra_config=True)
        context = HydraContext(GlobalHydra.instance().config_loader(), Callbacks())
    with open_dict(config):
        config.hydra.mode = "MULTIRUN"
    task = RecordedTask(train, ["height"], None, this_process())
    handles: dict[int, str] = {}
    launch = Launch(context, task, config, lambda run, handle: handles.update({run.job.number: handle}), 60)
    executor = choose_executor(launch, 2)
    try:
        yield Runs(executor, folder, handles)
    finally:
        executor.close(now=True)


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Runs on one launcher, whose workers all tests of that launcher share."""
    with runs_on(request.param, tmp_path_factory.mktemp(request.param)) as shared:
        yield shared


@pytest.fixture
def own_runs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runs]:
    """Runs whose executor the test closes."""
    with runs_on(request.param, tmp_path) as own:
        yield own


anywhere = pytest.mark.parametrize("runs", ANYWHERE, indirect=True, scope="module")
elsewhere = pytest.mark.parametrize("runs", ELSEWHERE, indirect=True, scope="module")


@anywhere
def test_a_run_that_is_finished_has_its_outcome_and_a_copy_of_it_in_its_folder(runs: Runs) -> None:
    number = runs.start()
    result = runs.result(number)
    assert isinstance(result, Outcome)
    assert result.values == {"height": float(number)}
    assert result.seconds > 0
    assert read_outcome(runs.folder_of(number)) == result


@anywhere
@pytest.mark.parametrize(
    ("label", "reason"), [("raise", "ValueError: no good"), ("exit", "the job exited with 5")]
)
def test_a_run_that_raises_or_exits_is_finished_and_has_failed(runs: Runs, label: str, reason: str) -> None:
    number = runs.start(label)
    result = runs.result(number)
    assert isinstance(result, Outcome)
    assert (result.values, result.reason) == (None, reason)
    assert read_outcome(runs.folder_of(number)) == result
    assert (runs.folder_of(number) / "error.log").exists()


@anywhere
def test_the_problems_of_a_wrong_input_come_with_the_outcome(runs: Runs) -> None:
    result = runs.result(runs.start("usage"))
    assert isinstance(result, Outcome)
    assert list(result.problems) == [Problem("size", "is wrong", "1")]


@anywhere
def test_a_run_that_was_asked_to_stop_is_lost_and_has_no_outcome(runs: Runs) -> None:
    number = runs.start("stop")
    assert isinstance(runs.result(number), Lost)
    assert read_outcome(runs.folder_of(number)) is None


@elsewhere
def test_a_run_that_kills_its_process_has_failed_and_the_others_go_on(runs: Runs) -> None:
    killed, other = runs.start("kill"), runs.start()
    result = runs.result(killed)
    assert isinstance(result, Outcome)
    assert result.values is None
    assert "killed" in result.reason or "died" in result.reason
    assert isinstance(runs.result(other), Outcome)
    assert isinstance(runs.result(runs.start()), Outcome)


@elsewhere
def test_any_run_is_waited_for_and_the_others_are_still_there(runs: Runs) -> None:
    assert runs.executor.slots == 2
    long, short = runs.start("wait"), runs.start()
    assert isinstance(runs.result(short), Outcome)
    assert long not in runs.ended
    runs.wait(0)
    assert long not in runs.ended
    (runs.folder / "go on").touch()
    assert isinstance(runs.result(long), Outcome)
    (runs.folder / "go on").unlink()


@anywhere
def test_a_run_that_nobody_knows_is_not_reattached(runs: Runs) -> None:
    assert not runs.executor.reattach(Run(Job(99, "99", {}, []), 0), "")


@pytest.mark.parametrize("own_runs", ELSEWHERE, indirect=True)
def test_closing_now_ends_what_runs(own_runs: Runs) -> None:
    number = own_runs.start("wait")
    wait_until(lambda: own_runs.has_begun(number))
    own_runs.executor.close(now=True)
    wait_until(lambda: not is_running(own_runs.folder_of(number)))
    assert read_outcome(own_runs.folder_of(number)) is None


@pytest.mark.parametrize("own_runs", ANYWHERE, indirect=True)
def test_closing_later_keeps_what_was_finished(own_runs: Runs) -> None:
    result = own_runs.result(own_runs.start())
    own_runs.executor.close(now=False)
    assert isinstance(result, Outcome)
