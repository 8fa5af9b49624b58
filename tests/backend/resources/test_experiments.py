"""Experiments through the official client."""

import time
from typing import Any

import pytest
from sigopt import Connection
from sigopt.exception import ApiException
from tests.fixture_types import Define, Report, Start

FULL = {
    "name": "everything",
    "parameters": [
        {
            "name": "lr",
            "type": "double",
            "bounds": {"min": 0.001, "max": 1.5},
            "transformation": "log",
            "default_value": 0.1,
        },
        {"name": "epochs", "type": "int", "bounds": {"min": 1.0, "max": 30.0}, "default_value": 10.0},
        {"name": "width", "type": "int", "grid": [64, 16, 32]},
        {"name": "optimizer", "type": "categorical", "categorical_values": ["sgd", "adam"]},
    ],
    "metrics": [
        {"name": "accuracy", "objective": "maximize"},
        {"name": "loss", "objective": "minimize", "strategy": "optimize"},
        {"name": "seconds", "strategy": "store"},
    ],
    "observation_budget": 10,
    "parallel_bandwidth": 2,
    "metadata": {"commit": "abc", "tries": 3, "share": 0.5},
}


def test_what_was_created_is_fetched_again_in_sigopts_shape(connection: Connection) -> None:
    before = int(time.time())
    created = connection.experiments().create(**FULL)
    fetched = connection.experiments(created.id).fetch()

    assert fetched == created
    body = fetched.to_json()
    assert body["object"] == "experiment"
    assert isinstance(body["id"], str)
    assert before <= body["created"] <= time.time()
    assert (body["name"], body["observation_budget"], body["parallel_bandwidth"]) == ("everything", 10, 2)
    assert (body["state"], body["project"], body["type"]) == ("active", None, "offline")
    assert body["metadata"] == FULL["metadata"]
    assert type(body["metadata"]["tries"]) is int
    epochs, lr, optimizer, width = body["parameters"]
    assert lr["bounds"] == {"object": "bounds", "min": 0.001, "max": 1.5}
    assert (lr["transformation"], lr["default_value"]) == ("log", 0.1)
    assert (epochs["bounds"]["max"], epochs["default_value"]) == (30, 10)
    assert type(epochs["default_value"]) is int
    assert width["grid"] == [16, 32, 64]
    values = [(value["name"], value["enum_index"]) for value in optimizer["categorical_values"]]
    assert values == [("sgd", 1), ("adam", 2)]
    metrics = [(metric["name"], metric["objective"], metric["strategy"]) for metric in body["metrics"]]
    assert metrics == [
        ("accuracy", "maximize", "optimize"),
        ("loss", "minimize", "optimize"),
        ("seconds", "maximize", "store"),
    ]


def test_a_fetched_experiment_can_be_created_again(connection: Connection) -> None:
    original = connection.experiments().create(**FULL).to_json()
    fields = ("name", "type", "parameters", "metrics", "observation_budget", "metadata", "conditionals")
    copy = connection.experiments().create(**{field: original[field] for field in fields}).to_json()
    assert copy["id"] != original["id"]
    assert copy["parameters"] == original["parameters"]


def test_a_wrong_definition_is_refused_with_every_problem_and_nothing_is_created(
    connection: Connection, define: Define
) -> None:
    wrong = define(name="", observation_budget=0, metrics=[{"name": "score", "objective": "maximise"}])
    with pytest.raises(ApiException) as refusal:
        connection.experiments().create(**wrong)
    assert refusal.value.status_code == 400
    for words in ("name", "observation_budget", "maximise", "maximize"):
        assert words in refusal.value.message
    assert connection.experiments().fetch().count == 0


def test_updates_change_what_is_given_and_nothing_else(start: Start) -> None:
    search = start(metadata={"a": 1, "b": 2})
    search.update(name="renamed", observation_budget=40, parallel_bandwidth=3, metadata={"b": "two"})
    body = search.fetch().to_json()
    assert (body["name"], body["observation_budget"], body["parallel_bandwidth"]) == ("renamed", 40, 3)
    assert body["metadata"] == {"b": "two"}
    search.update(observation_budget=50)
    assert search.fetch().name == "renamed"


@pytest.mark.parametrize(
    "change",
    [
        {"observation_budget": 0},
        {"parallel_bandwidth": 1.5},
        {"parallel_bandwidth": "2"},
        {"observation_budget": "30"},
        {"name": " "},
        {"state": "paused"},
        {"project": "nowhere"},
        {"parameters": []},
        {"metadata": {"list": [1]}},
    ],
)
def test_a_wrong_update_is_refused(start: Start, change: dict[str, Any]) -> None:
    search = start()
    before = search.fetch()
    with pytest.raises(ApiException) as refusal:
        search.update(**change)
    assert refusal.value.status_code == 400
    assert search.fetch() == before


def test_a_deleted_experiment_is_archived_not_lost(connection: Connection, start: Start) -> None:
    search = start()
    search.delete()
    assert search.fetch().state == "deleted"
    assert connection.experiments().fetch().count == 0
    assert connection.experiments().fetch(state="deleted").count == 1
    with pytest.raises(ApiException) as refusal:
        search.suggestions().create()
    assert refusal.value.status_code == 400
    search.update(state="active")
    assert search.suggestions().create().state == "open"


@pytest.mark.parametrize("name", ["999", "none", "-1", "1.5", "9" * 30])
def test_an_experiment_that_does_not_exist_is_a_404(connection: Connection, start: Start, name: str) -> None:
    start()
    with pytest.raises(ApiException) as refusal:
        connection.experiments(name).fetch()
    assert refusal.value.status_code == 404


def test_ids_may_be_numbers(connection: Connection, start: Start) -> None:
    created = start().fetch()
    assert connection.experiments(int(created.id)).fetch() == created


def test_what_the_backend_does_not_answer_is_a_404_that_says_so(start: Start) -> None:
    with pytest.raises(ApiException, match="does not know the path experiments/1/importances") as refusal:
        start().importances().fetch()
    assert refusal.value.status_code == 404


def test_progress_follows_the_observations(start: Start, report: Report) -> None:
    search = start()
    assert search.fetch().progress.to_json() == {
        "object": "progress",
        "observation_count": 0,
        "observation_budget_consumed": 0.0,
        "first_observation": None,
        "last_observation": None,
        "best_observation": None,
    }
    observed = [report(search, search.suggestions().create(), score=score) for score in (1, 3, 2)]
    failed = search.observations().create(suggestion=search.suggestions().create().id, failed=True)
    search.suggestions().create()

    progress = search.fetch().progress.to_json()
    assert (progress["observation_count"], progress["observation_budget_consumed"]) == (4, 4.0)
    assert progress["first_observation"] == observed[0].to_json()
    assert progress["last_observation"] == failed.to_json()
    assert progress["best_observation"] == observed[1].to_json()
