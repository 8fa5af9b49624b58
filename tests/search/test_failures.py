"""What becomes of jobs that do not end well."""

from dataclasses import dataclass
from subprocess import CompletedProcess

import pytest

from .sweep_app import SweepApp, app_in

LAUNCHERS = {
    "basic": [],
    "joblib": ["hydra/launcher=joblib", "sigopt.parallel_bandwidth=2"],
    "submitit_local": ["hydra/launcher=submitit_local", "sigopt.parallel_bandwidth=2"],
}
# Where a job has a process of its own. With the basic launcher, what kills a job kills the sweep.
ELSEWHERE = {"joblib", "submitit_local"}


@dataclass(frozen=True)
class Search:
    """A search whose jobs 1, 2, 4 and 5 end badly, each in a way of its own; and 6 and 8 by a kill."""

    app: SweepApp
    result: CompletedProcess[str]
    budget: int

    def reason(self, number: int) -> str:
        return str(self.app.by_job()[number].metadata["reason"])


@pytest.fixture(scope="module", params=LAUNCHERS)
def search(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Search:
    app = app_in(tmp_path_factory.mktemp(request.param))
    kills, budget = (", 6: kill, 8: os_exit", 9) if request.param in ELSEWHERE else ("", 6)
    result = app.run(
        *LAUNCHERS[request.param],
        f"++ends={{1: raise, 2: exit{kills}}}",
        "++returns={3: sequence, 4: float}",
        "++lengths={5: 600}",
        "sigopt.job_timeout=10",
        "sigopt.metrics=[{name: height}, {name: size, strategy: store}]",
        "sigopt.max_consecutive_failures=9",
        f"sigopt.observation_budget={budget}",
    )
    assert result.returncode == 3, result.stdout + result.stderr
    return Search(app, result, budget)


def test_a_job_that_raises_exits_or_lacks_a_metric_is_a_failed_observation_with_its_reason(
    search: Search,
) -> None:
    assert search.reason(1) == "ValueError: no good [at all]"
    assert search.reason(2) == "the job exited with 5"
    assert "not a value for height, size" in search.reason(4)
    assert "FAILED  ValueError: no good [at all]" in search.result.stdout
    assert "ValueError: no good [at all]" in (search.app.sweep_dir / "1" / "error.log").read_text()


def test_a_job_that_takes_too_long_is_ended_and_fails(search: Search) -> None:
    assert search.reason(5) == "timed out after 10 s"


def test_a_job_that_fails_takes_no_other_with_it(search: Search) -> None:
    kills = {6, 8} if search.budget == 9 else set()
    failed = {number: observed.failed for number, observed in search.app.by_job().items()}
    assert failed == {number: number in {1, 2, 4, 5} | kills for number in range(1, search.budget + 1)}
    assert all(search.reason(number) for number in kills)


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
    assert "metric size is nan" in result.stdout.split("stopped")[1]  # there is no traceback to show


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
