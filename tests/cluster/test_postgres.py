"""A search whose store is a real PostgreSQL."""

import time

import pytest

from .conftest import StartSearch
from .postgres import Postgres
from .processes import wait_until

LAUNCHER = ("hydra/launcher=joblib", "sigopt.parallel_bandwidth=4")


@pytest.mark.xfail(reason="sigopt.retry_seconds does not hold for the local backend yet")
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


@pytest.mark.xfail(reason="a suggestion beyond the budget is not given back before it is trained yet")
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
