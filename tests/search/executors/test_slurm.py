"""hydra/launcher=submitit_slurm, on commands that stand in for Slurm's and run the jobs on this machine."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from ..sweep_app import SweepApp, labelled, output_of, wait_until

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


def test_the_result_of_an_earlier_job_of_the_same_id_is_not_taken_for_a_job_s_own(
    slurm_app: SweepApp,
) -> None:
    assert slurm_app.run(*SLURM, "sigopt.observation_budget=2").returncode == 0
    shutil.rmtree(slurm_app.folder / "slurm")  # as a controller that died, and begins with job 1 again
    result = slurm_app.run(*SLURM, "sigopt.observation_budget=4", "sigopt.experiment_id=1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(path.name for path in (slurm_app.folder / "slurm").glob("*.sh")) == ["1.sh", "2.sh"]
    for observed in slurm_app.observations():
        height = -abs(observed.assignments["x"] - 3)  # and no more: the seed is 0
        assert {value.name: value.value for value in observed.values}["height"] == pytest.approx(height)
    runs = list((slurm_app.sweep_dir / ".submitit").rglob("*_submitted.pkl"))
    assert len(runs) == len({run.parent for run in runs}) == 4  # none is in another's place


def test_a_job_whose_id_slurm_gives_to_another_is_lost_and_runs_again(slurm_app: SweepApp) -> None:
    process = slurm_app.start(*SLURM, "++lengths={1: 60}")
    wait_until(lambda: slurm_app.starts(1))
    events = [event for event in slurm_app.journal() if event["event"] == "submitted"]
    (handle,) = (event["handle"] for event in events if event["number"] == 1)
    number = handle.rpartition("/")[2]
    os.killpg(int((slurm_app.folder / "slurm" / f"{number}.pid").read_text()), signal.SIGKILL)
    (slurm_app.folder / "slurm" / f"{number}.sh").unlink()
    output = output_of(process)
    assert process.returncode == 0, output
    assert "is not known to Slurm any more" in output
    assert len(slurm_app.starts(1)) == 2
    assert [observed.failed for observed in slurm_app.observations()] == [False] * 4


def test_what_only_the_machine_of_the_sweep_lacks_is_not_asked_of_it_where_jobs_run_elsewhere(
    slurm_app: SweepApp,
) -> None:
    here = slurm_app.run("hydra/launcher=submitit_local", "+elsewhere=true")
    assert here.returncode == 2
    assert "this machine is here" in here.stderr
    elsewhere = slurm_app.run(*SLURM, "+elsewhere=true", "sigopt.observation_budget=1")
    assert elsewhere.returncode == 0, elsewhere.stdout + elsewhere.stderr


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


def test_a_controller_that_is_away_is_waited_for(slurm_app: SweepApp) -> None:
    down = slurm_app.folder / "slurm" / "down"
    down.parent.mkdir()
    down.touch()
    process = slurm_app.start(*SLURM)
    assert process.stdout is not None
    waiting = next(line for line in process.stdout if "trying again" in line)
    assert "Slurm's controller does not answer" in waiting
    down.unlink()
    output = output_of(process)
    assert process.returncode == 0, output
    assert len(slurm_app.observations()) == 4


def test_a_controller_that_stays_away_stops_the_search_with_what_to_type_next(slurm_app: SweepApp) -> None:
    down = slurm_app.folder / "slurm" / "down"
    down.parent.mkdir()
    down.touch()
    result = slurm_app.run(*SLURM, "sigopt.retry_seconds=1")
    assert result.returncode == 1
    (stopped,) = labelled(result.stdout, "stopped")
    assert "does not answer: sbatch: error: Batch job submission failed: Unable to contact" in stopped
    assert "sigopt.experiment_id=1" in labelled(result.stdout, "resume")[0]
    assert "Traceback" not in result.stdout + result.stderr
    down.unlink()
    resumed = slurm_app.run(*SLURM, "sigopt.experiment_id=1")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert [observed.failed for observed in slurm_app.observations()] == [False] * 4


def test_a_job_that_slurm_refuses_is_told_in_a_line_with_what_to_type_next(slurm_app: SweepApp) -> None:
    result = slurm_app.run(*SLURM, "hydra.launcher.partition=nowhere")
    assert result.returncode == 2
    assert "Invalid partition name specified" in result.stderr
    assert "sigopt.experiment_id=1" in labelled(result.stdout, "resume")[0]
    assert "Traceback" not in result.stdout + result.stderr
    assert slurm_app.observations() == []
    resumed = slurm_app.run(*SLURM, "sigopt.experiment_id=1", "hydra.launcher.partition=gpu")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert len(slurm_app.observations()) == 4


def test_jobs_that_end_before_their_program_begins_stop_the_search_and_are_no_observations(
    slurm_app: SweepApp,
) -> None:
    never_begins = 'hydra.launcher.setup=["exit 1"]'
    result = slurm_app.run(*SLURM, never_begins, "sigopt.max_lost_runs=0")
    assert result.returncode == 1, result.stdout + result.stderr
    (stopped,) = labelled(result.stdout, "stopped")
    assert "no attempt at job" in stopped
    assert "ended as FAILED, exit code 1:0, before its program began" in stopped
    assert slurm_app.observations() == []
    resumed = slurm_app.run(*SLURM, "sigopt.experiment_id=1")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert [observed.failed for observed in slurm_app.observations()] == [False] * 4
