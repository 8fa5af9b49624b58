"""Every recorded call of a real SigOpt server, replayed over each path to this one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.known_differences import NOT_SENT, WITHOUT_A_PORT
from tests.contract.replay import Line, Sender, replay, scenarios
from tests.contract.senders import DriverSender, sender_to

from sigtune.backend.driver import LocalDriver

SCENARIOS = scenarios()

OF_WHAT_IS_THERE = ("account_empty_lists", "account_experiments_list", "project_create_get", "project_list")
"""Scenarios that answer by what a store has, in the order in which they were recorded.

The others may share a store in any order, as several processes take the tests up.
"""

SHARING = [name for name in SCENARIOS if name not in OF_WHAT_IS_THERE]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sender]:
    with sender_to("driver", tmp_path_factory.mktemp("driver")) as sender:
        yield sender


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sender]:
    with sender_to("server", tmp_path_factory.mktemp("server")) as sender:
        yield sender


@pytest.fixture(scope="module")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sender]:
    with sender_to("postgresql", tmp_path_factory.mktemp("postgresql")) as sender:
        yield sender


def mismatches(sender: Sender, lines: list[Line], skipped: dict[str, str]) -> list[str]:
    """Return what differs in a scenario, a line each."""
    return [
        f"{line.name} {line.method} {line.path}: {difference}"
        for line, found in replay(sender, lines, skipped)
        for difference in found
    ]


@pytest.mark.parametrize("name", SHARING)
def test_the_driver_answers_as_the_recorded_server_did(driver: Sender, name: str) -> None:
    assert mismatches(driver, SCENARIOS[name], {**NOT_SENT, **WITHOUT_A_PORT}) == []


@pytest.mark.parametrize("name", SHARING)
def test_the_server_answers_as_the_recorded_server_did(server: Sender, name: str) -> None:
    assert mismatches(server, SCENARIOS[name], NOT_SENT) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARING)
def test_the_server_on_postgresql_answers_as_the_recorded_server_did(
    postgres_server: Sender, name: str
) -> None:
    assert mismatches(postgres_server, SCENARIOS[name], NOT_SENT) == []


@pytest.mark.parametrize("path", ["driver", "server", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_answers_by_what_a_store_has_are_as_recorded(path: str, tmp_path: Path) -> None:
    skipped = {**NOT_SENT, **WITHOUT_A_PORT} if path == "driver" else NOT_SENT
    with sender_to(path, tmp_path) as sender:
        for name in OF_WHAT_IS_THERE:
            assert mismatches(sender, SCENARIOS[name], skipped) == []


def test_the_known_differences_are_lines_that_exist() -> None:
    names = {line.name for lines in SCENARIOS.values() for line in lines}
    assert {*NOT_SENT, *WITHOUT_A_PORT} <= names


def test_a_wrong_answer_is_noticed(tmp_path: Path) -> None:
    class Renaming(DriverSender):
        def send(self, line: Line, known: object) -> tuple[int, object]:
            status, answer = super().send(line, known)  # type: ignore[arg-type]
            if line.method == "POST":
                answer = {**answer, "name": "another", "extra": 1}
            return status, answer

    local = LocalDriver(f"sqlite:///{tmp_path / 'sigopt.db'}")
    found = mismatches(Renaming(local), SCENARIOS["experiment_create_minimal"][:1], {})
    local.close()
    assert [difference.split(": ", 1)[1] for difference in sorted(found)] == [
        "$.extra: unexpected",
        "$.name: 'another' instead of 'min'",
    ]
