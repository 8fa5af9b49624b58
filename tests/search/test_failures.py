"""What becomes of jobs that do not end well."""

import pytest

from .sweep_app import SweepApp

LAUNCHERS = {
    "basic": [],
    "joblib": ["hydra/launcher=joblib", "sigopt.parallel_bandwidth=2"],
    "submitit_local": ["hydra/launcher=submitit_local", "sigopt.parallel_bandwidth=2"],
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_job_that_raises_exits_or_lacks_a_metric_is_a_failed_observation_with_its_reason(
    app: SweepApp, launcher: str
) -> None:
    result = app.run(
        *LAUNCHERS[launcher],
        "++ends={1: raise, 2: exit}",
        "++returns={3: sequence, 4: float}",
        "sigopt.metrics=[{name: height}, {name: size, strategy: store}]",
        "sigopt.max_consecutive_failures=5",
        "sigopt.observation_budget=5",
    )
    assert result.returncode == 3, result.stderr
    reasons = {number: observed.metadata.get("reason") for number, observed in app.by_job().items()}
    assert reasons == {
        1: "ValueError: no good [at all]",
        2: "the job exited with 5",
        3: None,
        4: pytest.approx(reasons[4]),
        5: None,
    }
    assert "not a value for height, size" in reasons[4]
    assert [observed.failed for _, observed in sorted(app.by_job().items())] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert "FAILED  ValueError: no good [at all]" in result.stdout
    assert "ValueError: no good [at all]" in (app.sweep_dir / "1" / "error.log").read_text()


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_a_job_that_is_killed_takes_no_other_with_it(app: SweepApp, launcher: str) -> None:
    result = app.run(*LAUNCHERS[launcher], "++ends={1: kill, 3: os_exit}", "seconds=0.5")
    assert result.returncode == 3, result.stderr
    assert {number: observed.failed for number, observed in app.by_job().items()} == {
        1: True,
        2: False,
        3: True,
        4: False,
    }
    assert app.by_job()[1].metadata["reason"]


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_run_that_fails_is_tried_again_as_often_as_asked(app: SweepApp, launcher: str) -> None:
    ends = "++ends={1: raise_at_first, 2: raise}"
    result = app.run(*LAUNCHERS[launcher], ends, "sigopt.max_retries=2", "sigopt.observation_budget=3")
    assert result.returncode == 3, result.stderr
    assert {number: observed.failed for number, observed in app.by_job().items()} == {
        1: False,
        2: True,
        3: False,
    }
    assert [len(app.starts(number)) for number in (1, 2, 3)] == [2, 3, 1]
    assert "FAILED  ValueError: no good [at all]  is tried again (1 of 2)" in result.stdout


def test_each_suggestion_has_a_seed_of_its_own_if_asked(app: SweepApp) -> None:
    result = app.run("sigopt.seed_per_suggestion=true", "seed=7", "sigopt.observation_budget=3")
    assert result.returncode == 0, result.stderr
    seeds = [app.seed_of(number) for number in (1, 2, 3)]
    assert len({*seeds, 7}) == 4
    refused = app.run("sigopt.seed_per_suggestion=true", "sigopt.repeats=2")
    assert "repeats have seeds of their own" in refused.stderr


def test_a_metric_that_is_nan_is_a_failed_observation(app: SweepApp) -> None:
    result = app.run("size=nan", "sigopt.metrics=[{name: height}, {name: size, strategy: store}]")
    assert result.returncode == 3
    assert app.by_job()[1].metadata["reason"] == "metric size is nan"


def test_three_failures_in_a_row_stop_the_search_and_show_the_first_error(app: SweepApp) -> None:
    result = app.run("++ends={2: raise, 3: exit, 4: exit}", "sigopt.observation_budget=9")
    assert result.returncode == 3
    assert len(app.observations()) == 4
    assert "Traceback" in result.stdout
    assert result.stdout.count("reported, continuing") == 2
    assert "ValueError: no good [at all]" in result.stdout.split("stopped")[1]


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_usage_error_of_a_job_stops_the_search_and_takes_no_budget(app: SweepApp, launcher: str) -> None:
    result = app.run(*LAUNCHERS[launcher], "++ends={1: usage}", "++lengths={2: 2}")
    assert result.returncode == 2
    assert "size  is wrong  → 1" in result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    assert 1 not in app.by_job()
    assert not [entry for entry in app.open_suggestions() if entry.assignments["x"] == 1]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_job_that_takes_too_long_is_ended_and_fails(app: SweepApp, launcher: str) -> None:
    result = app.run(*LAUNCHERS[launcher], "++lengths={2: 60}", "sigopt.job_timeout=1.5")
    assert result.returncode == 3, result.stderr
    assert app.by_job()[2].metadata["reason"] == "timed out after 1.5 s"
    assert len(app.observations()) == 4
