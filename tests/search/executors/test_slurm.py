"""hydra/launcher=submitit_slurm, on commands that stand in for Slurm's and run the jobs on this machine."""

import os
import signal
import time
from pathlib import Path

import pytest

from ..sweep_app import SweepApp, output_of, wait_until

SLURM = ("hydra/launcher=submitit_slurm", "sigopt.parallel_bandwidth=2")


@pytest.fixture
def slurm_app(app: SweepApp) -> SweepApp:
    commands = Path(__file__).parent / "slurm"
    app.environment["PATH"] = f"{commands}{os.pathsep}{app.environment['PATH']}"
    app.environment["FAKE_SLURM"] = str(app.folder / "slurm")
    return app


def submitted(app: SweepApp) -> list[int]:
    return [event["number"] for event in app.journal() if event["event"] == "submitted"]


def test_a_search_runs_its_jobs_on_slurm(slurm_app: SweepApp) -> None:
    result = slurm_app.run(*SLURM, "++ends={2: raise}", "hydra.launcher.partition=gpu")
    assert result.returncode == 3, result.stdout + result.stderr
    assert [slurm_app.by_job()[number].failed for number in (1, 2, 3, 4)] == [False, True, False, False]
    assert "#SBATCH --partition=gpu" in (slurm_app.folder / "slurm" / "1.sh").read_text()


def test_jobs_that_are_still_queued_when_the_sweep_dies_are_not_submitted_again(slurm_app: SweepApp) -> None:
    slurm_app.environment["FAKE_SLURM_DELAY"] = "8"
    process = slurm_app.start(*SLURM, "sigopt.observation_budget=2")
    wait_until(lambda: (slurm_app.sweep_dir / "journal.jsonl").exists() and len(submitted(slurm_app)) == 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    result = slurm_app.run(*SLURM, "sigopt.experiment_id=1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(submitted(slurm_app)) == [1, 2]
    assert len(slurm_app.starts(1)) == len(slurm_app.starts(2)) == 1
    assert len(slurm_app.observations()) == 2


def test_ctrl_c_twice_cancels_the_jobs(slurm_app: SweepApp) -> None:
    process = slurm_app.start(*SLURM, "seconds=60")
    wait_until(lambda: slurm_app.starts(1) and slurm_app.starts(2))
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output = output_of(process)
    assert process.returncode == 130, output
    assert len(list((slurm_app.folder / "slurm").glob("*.ended"))) == 2
    assert "jobs 1, 2 will be run again" in output
