"""A search that ended before its budget was consumed, and the one that resumes it."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from tests import app_process

from .sweep_app import SweepApp, labelled, output_of, wait_until

TWO_SLOTS = ("hydra/launcher=joblib", "sigopt.parallel_bandwidth=2")


def kill(process: app_process.Popen) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def assert_sound(app: SweepApp, budget: int) -> None:
    """Nothing lost, nothing counted twice: the store, the journal and the folders say the same."""
    observations = app.observations()
    assert len(observations) == budget
    assert len({observed.suggestion for observed in observations}) == budget
    assert app.open_suggestions() == []
    jobs = {event["job"]["number"]: event["job"] for event in app.journal() if event["event"] == "job"}
    assert sorted(jobs) == list(range(1, budget + 1))
    for observed in observations:
        number = observed.metadata["job"]
        assert jobs[number]["suggestion"] == observed.suggestion
        outcome = json.loads((app.sweep_dir / str(number) / "outcome.json").read_text())
        assert outcome["values"]["height"] == observed.values[0].value


def resumed_until_done(app: SweepApp, *arguments: str) -> subprocess.CompletedProcess[str]:
    result = app.run(*arguments, "sigopt.experiment_id=1")
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_jobs_that_do_not_heed_it_end_and_the_printed_command_resumes(
    app: SweepApp, number: signal.Signals
) -> None:
    process = app.start(*TWO_SLOTS, "seconds=5")
    wait_until(lambda: app.starts(1) and app.starts(2))
    process.send_signal(number)
    output = output_of(process)
    assert process.returncode == 130, output
    assert len(app.observations()) == 2
    assert "2 observed (0 failed)" in output
    command = [sys.executable, *shlex.split(labelled(output, "resume")[0])[1:]]
    app_process.run(command, cwd=app.folder, env=app.environment, check=True, capture_output=True)
    assert_sound(app, 4)


@pytest.mark.parametrize("launcher", [("hydra/launcher=basic",), TWO_SLOTS])
def test_the_second_ctrl_c_stops_at_once_and_the_job_is_run_again_in_its_folder(
    app: SweepApp, launcher: tuple[str, ...]
) -> None:
    process = app.start(*launcher, "++lengths={2: 60}")
    wait_until(lambda: app.starts(2) and 1 in app.by_job())
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output = output_of(process)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert "job 2 will be run again" in output or "jobs 2" in output
    resumed_until_done(app, *launcher)
    assert len(app.starts(2)) == 2
    assert_sound(app, 4)


def test_what_finished_after_the_sweep_was_killed_is_reported_without_being_run_again(app: SweepApp) -> None:
    process = app.start(*TWO_SLOTS, "seconds=1.5")
    wait_until(lambda: app.starts(1) and app.starts(2))
    kill(process)
    wait_until((app.sweep_dir / "1" / "outcome.json").exists)
    wait_until((app.sweep_dir / "2" / "outcome.json").exists)
    resumed_until_done(app, *TWO_SLOTS)
    assert len(app.starts(1)) == len(app.starts(2)) == 1
    assert_sound(app, 4)


def test_what_still_runs_when_the_sweep_is_resumed_is_waited_for(app: SweepApp) -> None:
    process = app.start(*TWO_SLOTS, "++lengths={1: 8}")
    wait_until(lambda: app.starts(1))
    kill(process)
    resumed_until_done(app, *TWO_SLOTS)
    assert len(app.starts(1)) == 1
    assert_sound(app, 4)


def test_a_job_that_died_with_the_sweep_is_run_again_with_the_number_it_had(app: SweepApp) -> None:
    process = app.start("++lengths={2: 60}")
    wait_until(lambda: app.starts(2))
    kill(process)
    resumed_until_done(app)
    assert len(app.starts(1)) == 1
    assert len(app.starts(2)) == 2
    assert_sound(app, 4)


def test_a_search_whose_journal_is_lost_says_so_and_takes_no_outcome_of_a_job_that_it_does_not_know(
    app: SweepApp,
) -> None:
    process = app.start("++lengths={3: 60}")
    wait_until(lambda: app.starts(3))
    kill(process)
    (app.sweep_dir / "journal.jsonl").unlink()
    resumed = resumed_until_done(app)
    assert "has no journal any more" in resumed.stdout + resumed.stderr
    observations = app.observations()
    assert len({observed.suggestion for observed in observations}) == len(observations) == 4
    assert sorted(app.by_job()) == [1, 2, 4, 5]
    assert app.open_suggestions() == []
    for observed in observations:
        assert observed.values[0].value == -abs(observed.assignments["x"] - 3)


def test_a_suggestion_drawn_by_a_sweep_that_died_before_writing_it_down_is_trained(app: SweepApp) -> None:
    app.run("sigopt.observation_budget=1")
    sweep = next(event["id"] for event in app.journal() if event["event"] == "sweep")
    app.experiment().update(observation_budget=2)
    lost = app.experiment().suggestions().create(metadata={"sweep": sweep})
    resumed_until_done(app)
    assert app.by_job()[2].suggestion == lost.id
    assert_sound(app, 2)


def test_a_result_that_was_reported_but_not_marked_is_not_reported_again(app: SweepApp) -> None:
    app.run("sigopt.observation_budget=2")
    journal = app.sweep_dir / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    assert '"reported"' in lines[-1]
    journal.write_text("".join(lines[:-1]))
    resumed_until_done(app)
    assert_sound(app, 2)


def killed_at_random(app: SweepApp, budget: int, kills: int, seed: int, launcher: Sequence[str]) -> int:
    instants = random.Random(seed)
    arguments = [*launcher, "seconds=0.2", f"sigopt.observation_budget={budget}"]
    process, done = app.start(*arguments), 0
    wait_until((app.sweep_dir / "journal.jsonl").exists)
    while done < kills:
        time.sleep(instants.uniform(0, 3))
        if process.poll() is not None:
            assert process.returncode == 0, output_of(process)
            break
        kill(process)
        done += 1
        process = app.start(*arguments, "sigopt.experiment_id=1")
    output = output_of(process)
    assert process.returncode == 0, output
    assert_sound(app, budget)
    return done


@pytest.mark.parametrize("launcher", [("hydra/launcher=basic",), TWO_SLOTS])
def test_a_sweep_killed_at_random_instants_loses_nothing_and_counts_nothing_twice(
    app: SweepApp, launcher: tuple[str, ...]
) -> None:
    assert killed_at_random(app, 8, 3, 7, launcher) > 0


@pytest.mark.slow
def test_a_sweep_killed_at_fifty_random_instants_loses_nothing_and_counts_nothing_twice(
    app: SweepApp,
) -> None:
    # So many jobs that no fast machine is done before the fiftieth: one ended two jobs between two kills.
    assert killed_at_random(app, 200, 50, 11, TWO_SLOTS) == 50


def test_two_sweeps_in_one_folder_are_refused(app: SweepApp) -> None:
    process = app.start("seconds=3")
    wait_until(lambda: app.starts(1))
    second = app.run("sigopt.experiment_id=1")
    assert second.returncode == 2
    assert "a sweep is running in this folder" in second.stderr
    output_of(process)
    assert process.returncode == 0
    assert_sound(app, 4)


def test_a_new_experiment_in_the_folder_of_another_is_refused_and_not_created(app: SweepApp) -> None:
    app.run("sigopt.observation_budget=1")
    second = app.run("sigopt.observation_budget=1")
    assert second.returncode == 2
    assert "sigopt.experiment_id=1 resumes it" in second.stderr
    assert app.experiment().fetch().progress.observation_count == 1
    assert [event["event"] for event in app.journal()] == ["sweep", "job", "started", "reported"]


def test_resuming_finds_the_folder_by_itself(app: SweepApp) -> None:
    process = app.start("++lengths={2: 60}")
    wait_until(lambda: app.starts(2))
    kill(process)
    command = [part for part in app.command() if not part.startswith("hydra.sweep.dir")]
    resumed = app_process.run(
        [*command, "sigopt.experiment_id=1"],
        cwd=app.folder,
        env=app.environment,
        check=True,
        capture_output=True,
    )
    assert_sound(app, 4)
    assert labelled(resumed.stdout, "extend") == [
        shlex.join(["python", *command[1:], "sigopt.observation_budget=8", "sigopt.experiment_id=1"])
    ]


def test_a_search_that_is_done_has_nothing_more_to_run(app: SweepApp) -> None:
    app.run()
    again = resumed_until_done(app)
    assert "4 observed (0 failed)" in again.stdout
    assert_sound(app, 4)


def test_a_search_is_resumed_with_another_budget_and_bounds_and_says_how_to_extend_it(app: SweepApp) -> None:
    app.run("sigopt.observation_budget=1")
    result = app.run(
        *("sigopt.experiment_id=1", "sigopt.observation_budget=2"),
        *("sigopt.parallel_bandwidth=3", "sigopt.parameters.0.bounds={min: -5, max: 20}"),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert labelled(result.stdout, "changed") == [
        *("observation_budget 1 → 2", "parallel_bandwidth 1 → 3", "x.bounds -10 to 10 → -5 to 20")
    ]
    [extend] = labelled(result.stdout, "extend")
    assert extend.endswith("sigopt.observation_budget=4 sigopt.experiment_id=1")
    assert len(app.observations()) == 2
    details = app.experiment().fetch()
    assert (details.observation_budget, details.parallel_bandwidth) == (2, 3)


def test_what_cannot_change_in_an_experiment_that_exists_is_refused_when_it_is_resumed(app: SweepApp) -> None:
    app.run("sigopt.observation_budget=1")
    result = app.run("sigopt.experiment_id=1", "sigopt.observation_budget=3", "sigopt.type=random")
    assert result.returncode == 2
    assert "sigopt.type  is not that of experiment 1" in result.stderr
    assert app.experiment().fetch().observation_budget == 1


def test_a_suggestion_whose_budget_others_have_used_meanwhile_is_deleted_and_not_trained(
    app: SweepApp,
) -> None:
    process = app.start("++lengths={1: 600}")
    wait_until(lambda: app.starts(1))
    os.killpg(process.pid, signal.SIGKILL)
    output_of(process)
    for x in range(4):
        values = [{"name": "height", "value": 1.0}]
        app.experiment().observations().create(assignments={"x": float(x)}, values=values)
    result = app.run("sigopt.experiment_id=1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(app.starts(1)) == 1
    assert (len(app.observations()), app.open_suggestions()) == (4, [])


def test_a_sweep_leaves_to_a_worker_what_that_one_trains(app: SweepApp) -> None:
    app.run("sigopt.observation_budget=1")
    app.experiment().update(observation_budget=4)
    lease = {"lease_host": "elsewhere", "lease_pid": 1, "lease_expiry": time.time() + 600}
    app.experiment().suggestions().create(metadata=lease)
    result = app.run("sigopt.experiment_id=1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert (len(app.observations()), len(app.open_suggestions())) == (3, 1)
