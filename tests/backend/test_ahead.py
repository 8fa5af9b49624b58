"""The next suggestion, computed before anybody asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sigopt import Connection
from tests.patience import PATIENCE_SECONDS

from sigtune.backend import ahead
from sigtune.backend.ahead import Ahead, Question
from sigtune.backend.driver import LocalDriver
from sigtune.definition.experiment import ExperimentDefinition, Observation, Suggestion
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter
from sigtune.optimizer.libraries import GivenUpError, until

SQUARE = [
    {"name": name, "type": "double", "bounds": {"min": 0, "max": 1}, "default_value": 0.5}
    for name in ("x", "y")
]
DEFINITION = ExperimentDefinition(
    tuple(Parameter(name, "double", bounds=(0.0, 1.0)) for name in ("x", "y")),
    (Metric("score"),),
    parallel_bandwidth=2,
)
OUTCOMES = [
    Observation({"x": step / 6, "y": step * step % 7 / 7}, {"score": float(step)}) for step in range(7)
]


@pytest.fixture
def prepared() -> Iterator[Ahead]:
    """Return an object that has been asked often enough to prepare more."""
    found = Ahead()
    for number in range(ahead.FEWEST_ASKED):
        found.answer("1", question([], number))
    yield found
    found.close()


def question(running: list[Suggestion], number: int = 7) -> Question:
    return Question(DEFINITION, OUTCOMES if number >= 7 else [], running, number, 0)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the threads that compute, one for each suggestion from now on."""
    names: list[str] = []
    compute = Question.answer

    def answer(self: Question) -> Suggestion:
        names.append(threading.current_thread().name)
        return compute(self)

    monkeypatch.setattr(Question, "answer", answer)
    return names


def wait_for(names: list[str], count: int = 1) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while len(names) < count and time.monotonic() < end:
        time.sleep(0.01)


def test_what_is_ready_is_what_would_be_computed(prepared: Ahead, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = question([]).answer()
    names = counted(monkeypatch)
    prepared.changed("1", lambda: question([]))
    wait_for(names)
    assert prepared.answer("1", question([])) == expected
    assert [name.startswith("suggestions-ahead") for name in names] == [True]


def test_what_another_question_was_prepared_for_is_given_up(
    prepared: Ahead, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = question([Suggestion({"x": 0.2, "y": 0.3})])
    expected = other.answer()
    names = counted(monkeypatch)
    prepared.changed("1", lambda: question([]))
    wait_for(names)
    assert prepared.answer("1", other) == expected
    assert len(names) == 2


@pytest.mark.parametrize(
    "unexpected",
    [question([Suggestion({"x": step, "y": 0.0}) for step in (0.1, 0.2)]), question([], 3), None],
    ids=["no slot is free", "no model is needed", "nobody will ask"],
)
def test_nothing_is_prepared_where(
    prepared: Ahead, monkeypatch: pytest.MonkeyPatch, unexpected: Question | None
) -> None:
    names = counted(monkeypatch)
    was_read = threading.Event()

    def read() -> Question | None:
        was_read.set()
        return unexpected

    prepared.changed("1", read)
    assert was_read.wait(PATIENCE_SECONDS)
    prepared.close()
    assert names == []


def test_a_process_that_asks_once_prepares_nothing() -> None:
    found = Ahead()
    found.answer("1", question([], 0))
    found.changed("1", lambda: pytest.fail("read"))
    found.close()


def test_an_error_while_it_is_prepared_is_told_to_who_asks(prepared: Ahead) -> None:
    broken = Question(DEFINITION, OUTCOMES, [Suggestion({})], 7, 0)
    prepared.changed("1", lambda: broken)
    with pytest.raises(ValueError, match="no value of x"):
        prepared.answer("1", broken)


def test_what_is_given_up_ends_in_the_middle() -> None:
    given_up = threading.Event()
    given_up.set()
    with until(given_up), pytest.raises(GivenUpError):
        question([]).answer()
    assert question([]).answer().assignments.keys() == {"x", "y"}


def suggested(url: str, monkeypatch: pytest.MonkeyPatch, *, wait: bool) -> tuple[list[Any], list[str]]:
    """Return the assignments of a search in two slots, and which threads computed those of the model."""
    driver = LocalDriver(url)
    connection = Connection(driver=lambda: driver)
    experiment = connection.experiments().create(
        name="ahead",
        parameters=SQUARE,
        metrics=[{"name": "score"}],
        parallel_bandwidth=2,
        observation_budget=12,
    )
    search = connection.experiments(experiment.id)
    names = counted(monkeypatch)
    found = []
    running = [search.suggestions().create() for _ in range(2)]
    for _ in range(8):
        done = running.pop(0)
        found.append(dict(done.assignments))
        search.observations().create(
            suggestion=done.id, values=[{"name": "score", "value": done.assignments["x"]}]
        )
        before = len(names)
        if wait and len(found) >= 5:
            wait_for(names, before + 1)
        running.append(search.suggestions().create())
    driver.close()
    monkeypatch.undo()
    return found, names


def test_a_search_gets_the_same_suggestions_whether_they_were_ready_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "FEWEST_ASKED", 1000)
    plain, names = suggested(f"sqlite:///{tmp_path / 'plain.db'}", monkeypatch, wait=False)
    assert not any(name.startswith("suggestions-ahead") for name in names)
    ready, names = suggested(f"sqlite:///{tmp_path / 'ready.db'}", monkeypatch, wait=True)
    assert ready == plain
    assert sum(name.startswith("suggestions-ahead") for name in names) >= 3
