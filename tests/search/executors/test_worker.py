"""The workers of hydra/launcher=joblib: one for each slot, kept from job to job, replaced when it dies."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from sigtune.job.outcome import Outcome

from ..sweep_app import wait_until
from . import test_contract as contract
from .test_contract import Runs

# Held by a worker, as imports, a data set or a CUDA context are.
_held: list[bytearray] = []


def train(config: DictConfig) -> dict[str, float]:
    """Grow the process by more than loky takes for a leak, and leave its id."""
    if not _held:
        _held.append(bytearray(b"x") * 400_000_000)
    folder = Path(HydraConfig.get().runtime.output_dir)
    (folder / "pid").write_text(str(os.getpid()))
    return {"height": 1.0}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Runs of `train` in two slots."""
    monkeypatch.setattr(contract, "train", train)
    with contract.runs_on("joblib", tmp_path) as own:
        yield own


def pids_of_both_slots(runs: Runs) -> set[int]:
    """Return the processes of two runs, one in each slot."""
    numbers = [runs.start(), runs.start()]
    assert all(isinstance(runs.result(number), Outcome) for number in numbers)
    return {int((runs.folder_of(number) / "pid").read_text()) for number in numbers}


def test_a_slot_keeps_its_worker_when_that_has_grown(runs: Runs) -> None:
    first = pids_of_both_slots(runs)
    assert len(first) == 2, "one for each slot"
    for _ in range(3):
        time.sleep(1.1)  # loky looks at a worker's memory once a second
        assert pids_of_both_slots(runs) == first


def test_a_worker_that_dies_while_it_is_idle_is_replaced_and_no_job_fails_by_it(runs: Runs) -> None:
    idle = pids_of_both_slots(runs)
    for process in idle:
        os.kill(process, signal.SIGKILL)
    wait_until(lambda: not any(Path(f"/proc/{process}").exists() for process in idle))
    # The pool may notice only after it was handed a run, which is then lost.
    results = [runs.result(runs.start()) for _ in range(4)]
    assert not any(isinstance(result, Outcome) and result.values is None for result in results), results
    assert isinstance(results[-1], Outcome)


def test_what_goes_wrong_before_the_job_is_its_reason_and_the_worker_goes_on(runs: Runs) -> None:
    number = runs.start("[unclosed")
    result = runs.result(number)
    assert isinstance(result, Outcome)
    assert result.values is None
    assert "OverrideParseException" in result.reason
    assert "[unclosed" in (runs.folder_of(number) / "error.log").read_text()
    later = runs.result(runs.start())
    assert isinstance(later, Outcome)
    assert later.values == {"height": 1.0}
