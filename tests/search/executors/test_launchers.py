"""The launchers that jobs go through."""

import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from sigtune.config.hydra_version import VERSION_BASE
from sigtune.search.executors.loky import slot_environment
from sigtune.search.executors.registry import launcher_problems

from ..sweep_app import SweepApp, labelled

CONF = Path(__file__).parents[1] / "conf"
ASYNCHRONOUS = {
    "joblib": ["hydra/launcher=joblib"],
    "submitit_local": ["hydra/launcher=submitit_local"],
    "ray": [
        "hydra/launcher=ray",
        "+hydra.launcher.ray.init.num_cpus=2",
        "+hydra.launcher.ray.init.include_dashboard=false",
        "+hydra.launcher.ray.remote.num_cpus=0.5",
    ],
}


@pytest.mark.parametrize(
    "launcher", [pytest.param(name, marks=[pytest.mark.slow] * (name != "joblib")) for name in ASYNCHRONOUS]
)
def test_a_slot_takes_the_next_suggestion_while_another_is_still_busy(app: SweepApp, launcher: str) -> None:
    result = app.run(
        *ASYNCHRONOUS[launcher],
        "sigopt.parallel_bandwidth=2",
        "sigopt.observation_budget=5",
        "++lengths={1: 15}",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 slots" in result.stdout
    ended = {number: float((app.sweep_dir / str(number) / "end").read_text()) for number in range(1, 6)}
    assert max(ended, key=ended.__getitem__) == 1
    assert len(app.observations()) == 5
    slots = {event["number"]: event["slot"] for event in app.journal() if event["event"] == "started"}
    assert slots == {1: 1, 2: 2, 3: 2, 4: 2, 5: 2}


def test_suggestions_of_slots_that_are_busy_at_once_differ(app: SweepApp) -> None:
    app.run(*ASYNCHRONOUS["joblib"], "sigopt.parallel_bandwidth=3", "seconds=0.5")
    assert len({observed.assignments["x"] for observed in app.observations()}) == 4


def test_the_basic_launcher_runs_one_job_at_a_time_and_says_which_does_more(app: SweepApp) -> None:
    result = app.run("sigopt.parallel_bandwidth=3", "sigopt.observation_budget=2")
    assert "1 slot\n" in result.stdout
    assert "hydra/launcher=joblib" in result.stdout
    assert len(app.observations()) == 2


def test_what_a_job_prints_is_in_its_folder_and_not_between_the_lines(app: SweepApp) -> None:
    app.run(*ASYNCHRONOUS["joblib"], "++ends={1: raise}", "sigopt.observation_budget=2")
    assert (app.sweep_dir / "1" / "output.log").exists()


def test_the_number_of_jobs_of_the_joblib_launcher_bounds_the_slots(app: SweepApp) -> None:
    slots = ("hydra.launcher.n_jobs=2", "sigopt.parallel_bandwidth=3", "sigopt.observation_budget=3")
    result = app.run(*ASYNCHRONOUS["joblib"], *slots)
    assert "2 slots" in result.stdout


def test_a_folder_that_submitit_cannot_write_to_ends_the_search_with_what_to_type_next(app: SweepApp) -> None:
    local = ("hydra/launcher=submitit_local", "sigopt.observation_budget=2")
    result = app.run(*local, "hydra.launcher.submitit_folder=/proc/nowhere/%j")
    assert result.returncode == 1
    assert "/proc/nowhere" in labelled(result.stdout, "stopped")[0]
    assert labelled(result.stdout, "resume")
    assert "Traceback" not in result.stdout + result.stderr
    resumed = app.run(*local, "sigopt.experiment_id=1")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert len(app.observations()) == 2


@pytest.mark.parametrize("launcher", ["submitit_slurm", "ray"])
def test_a_launcher_whose_engine_is_not_on_this_machine_is_refused_by_its_name(
    launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setitem(sys.modules, "ray", None)
    with initialize_config_dir(str(CONF), **VERSION_BASE, job_name="app"):
        config = compose("app", [f"hydra/launcher={launcher}"], return_hydra_config=True)
    assert [problem.key for problem in launcher_problems(config)] == [f"hydra/launcher={launcher}"]


@pytest.mark.parametrize(
    ("slots", "gpus", "shares"),
    [
        (2, ["0", "1"], ["0", "1"]),
        (2, ["0", "1", "2", "3"], ["0,1", "2,3"]),
        (3, ["4", "7"], ["4", "4", "7"]),
        (1, ["GPU-a"], ["GPU-a"]),
    ],
)
def test_each_slot_has_gpus_of_its_own_and_fewer_gpus_than_slots_are_shared(
    slots: int, gpus: list[str], shares: list[str]
) -> None:
    visible = [slot_environment(slot, slots, gpus)["CUDA_VISIBLE_DEVICES"] for slot in range(slots)]
    assert sorted(visible) == shares


def test_the_cores_are_divided_between_the_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)))
    assert slot_environment(0, 3, [])["OMP_NUM_THREADS"] == "2"
    assert "CUDA_VISIBLE_DEVICES" not in slot_environment(0, 3, [])
