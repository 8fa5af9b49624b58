"""A search whose store is a real PostgreSQL."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import StartSearch
from .postgres import Postgres
from .processes import wait_until
from .workers import Workers

LAUNCHER = ("hydra/launcher=joblib", "sigopt.parallel_bandwidth=4")


def test_a_search_outlives_a_restart_of_its_store(search: StartSearch, postgres: Postgres) -> None:
    sweep = search(*LAUNCHER, budget=12, environment={}, store=postgres.new_database())
    process = sweep.start()
    sweep.wait_for(3)
    postgres.stop_at_once()
    time.sleep(5)
    postgres.start()
    sweep.expect_exit(process)
    sweep.assert_sound()


def test_a_search_that_is_killed_while_its_store_is_down_goes_on(
    search: StartSearch, postgres: Postgres
) -> None:
    sweep = search(*LAUNCHER, "++steps={1: 12}", budget=8, environment={}, store=postgres.new_database())
    sweep.start()
    sweep.wait_for(1, 2, 3)
    postgres.stop_at_once()
    sweep.kill()
    postgres.start()
    sweep.expect_exit(sweep.resume())
    sweep.assert_sound()


def test_two_sweeps_share_one_budget(search: StartSearch, postgres: Postgres) -> None:
    store = postgres.new_database()
    first = search(*LAUNCHER, budget=20, environment={}, store=store)
    first_process = first.start()
    first.wait_for(1)
    second = search(*LAUNCHER, budget=20, environment={}, store=store)
    second.expect_exit(second.resume())
    first.expect_exit(first_process)
    wait_until(lambda: len(first.observations()) == 20, "the whole budget")
    assert first.open_suggestions() == []
    assert len({observed.suggestion for observed in first.observations()}) == 20


@pytest.fixture
def workers(postgres: Postgres, tmp_path: Path) -> Iterator[Workers]:
    """Sixteen workers on one experiment, which have begun."""
    team = Workers(postgres.new_database(), tmp_path, budget=40)
    team.start(16)
    yield team
    team.end()


def test_sixteen_workers_make_as_many_observations_as_the_budget_has(workers: Workers) -> None:
    workers.expect_success()
    workers.assert_sound()


def test_the_suggestions_of_workers_that_are_killed_go_to_the_others(workers: Workers) -> None:
    workers.wait_for_begun(8)
    for _ in range(3):
        workers.kill_one()
    workers.expect_success()
    workers.assert_sound()


def test_sixteen_workers_outlive_a_restart_of_their_store(workers: Workers, postgres: Postgres) -> None:
    workers.wait_for_begun(8)
    postgres.stop_at_once()
    time.sleep(5)
    postgres.start()
    workers.expect_success()
    workers.assert_sound()
