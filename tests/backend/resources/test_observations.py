"""Reporting results."""

from collections.abc import Callable
from typing import Any

import pytest
from sigopt.exception import ApiException
from sigopt.objects import BestAssignments
from sigopt.resource import BoundApiResource
from tests.fixture_types import Report, Start

POINT = {"x": 0.25, "y": 0.5}


def refused(status: int, call: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(ApiException) as refusal:
        call(*args, **kwargs)
    assert refusal.value.status_code == status
    return str(refusal.value.message)


def test_reporting_on_a_suggestion_closes_it_and_takes_its_assignments(start: Start) -> None:
    search = start()
    suggestion = search.suggestions().create()
    observation = search.observations().create(
        suggestion=suggestion.id,
        values=[{"name": "score", "value": 0.5, "value_stddev": 0.1}],
        metadata={"host": "a"},
    )
    assert search.suggestions(suggestion.id).fetch().state == "closed"
    body = search.observations(observation.id).fetch().to_json()
    assert body == observation.to_json()
    assert body["assignments"] == suggestion.to_json()["assignments"]
    assert (body["suggestion"], body["failed"], body["metadata"]) == (suggestion.id, False, {"host": "a"})
    [value] = body["values"]
    assert (value["name"], value["value"], value["value_stddev"]) == ("score", 0.5, 0.1)


def test_a_suggestion_that_is_reported_again_has_two_observations(start: Start, report: Report) -> None:
    search = start()
    suggestion = search.suggestions().create()
    first = report(search, suggestion, score=1)
    second = search.observations().create(suggestion=suggestion.id, failed=True)
    assert first.assignments == second.assignments == suggestion.assignments
    assert search.fetch().progress.observation_count == 2


def test_a_suggestion_whose_observation_was_deleted_stays_closed(start: Start, report: Report) -> None:
    search = start()
    suggestion = search.suggestions().create()
    observation = report(search, suggestion, score=1)
    search.observations(observation.id).delete()
    assert search.fetch().progress.observation_count == 0
    assert search.suggestions(suggestion.id).fetch().state == "closed"
    refused(404, search.observations(observation.id).fetch)
    refused(404, search.observations(observation.id).delete)


def test_any_point_of_the_space_can_be_reported(start: Start) -> None:
    observation = start().observations().create(assignments=POINT, values=[{"name": "score", "value": 1}])
    assert observation.to_json()["assignments"] == POINT
    assert observation.suggestion is None


def test_the_older_single_value_is_understood(start: Start) -> None:
    search = start()
    older = search.observations().create(assignments=POINT, value=0.5, value_stddev=0.1)
    unnamed = search.observations().create(assignments=POINT, values=[{"value": 0.5, "value_stddev": 0.1}])
    assert older.to_json()["values"] == unnamed.to_json()["values"]
    assert older.values[0].name == "score"


def test_a_failed_observation_has_no_values(start: Start) -> None:
    search = start()
    failed = search.observations().create(assignments=POINT, failed=True)
    body = search.observations(failed.id).fetch().to_json()
    assert (body["failed"], body["values"]) == (True, [])
    values = [{"name": "score", "value": 1}]
    refused(400, search.observations().create, assignments=POINT, failed=True, values=values)


def test_history_may_lie_outside_the_bounds(start: Start) -> None:
    search = start()
    observation = search.observations().create(assignments={"x": 2, "y": -1}, value=1)
    assert observation.to_json()["assignments"] == {"x": 2.0, "y": -1.0}
    assert search.suggestions().create().state == "open"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "0.5", True])
def test_a_value_that_is_not_a_finite_number_is_refused(start: Start, value: object) -> None:
    search = start()
    suggestion = search.suggestions().create()
    values = [{"name": "score", "value": value}]
    refused(400, search.observations().create, suggestion=suggestion.id, values=values)
    assert search.suggestions(suggestion.id).fetch().state == "open"


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ({}, "either a suggestion or assignments"),
        ({"assignments": POINT}, "no value for score"),
        ({"assignments": POINT, "suggestion": "1", "failed": True}, "either a suggestion or assignments"),
        ({"assignments": POINT, "value": 1, "values": [{"value": 1}]}, "not both"),
        ({"assignments": POINT, "values": [{"name": "scores", "value": 1}]}, "no metric scores"),
        ({"assignments": POINT, "values": [{"value": 1}, {"name": "score", "value": 1}]}, "two values"),
        ({"assignments": POINT, "values": [{"value": 1, "value_stddev": -1}]}, "value_stddev of score"),
        ({"assignments": POINT, "values": 1}, "expected a list"),
        ({"assignments": POINT, "value": 1, "metadata": {"a": []}}, "metadata.a"),
        ({"assignments": POINT, "failed": "yes"}, "failed"),
        ({"assignments": POINT, "failed": 1.0}, "failed"),
        (
            {"assignments": POINT, "failed": True, "sugestion": 1},
            "unknown field 'sugestion'; expected: suggestion",
        ),
        ({"assignments": [0.25, 0.5], "failed": True}, "expected a mapping"),
        ({"assignments": {"x": 2, "z": 0}, "failed": True}, "assignments.z: no such parameter"),
        ({"assignments": {"x": 2, "z": 0}, "failed": True}, "assignments.y: missing"),
    ],
)
def test_a_wrong_report_is_refused_and_nothing_is_kept(
    start: Start, report: dict[str, Any], words: str
) -> None:
    search = start()
    assert words in refused(400, search.observations().create, **report)
    assert search.observations().fetch().count == 0


def test_a_report_on_another_experiments_suggestion_is_refused(start: Start) -> None:
    mine, other = start(), start()
    suggestion = other.suggestions().create()
    refused(400, mine.observations().create, suggestion=suggestion.id, value=1)
    refused(404, mine.suggestions(suggestion.id).fetch)


def test_every_metric_needs_a_value_those_that_are_only_stored_too(start: Start) -> None:
    search = start(metrics=[{"name": "score"}, {"name": "seconds", "strategy": "store"}])
    values = [{"name": "score", "value": 1}]
    message = refused(400, search.observations().create, assignments=POINT, values=values)
    assert "no value for seconds" in message
    both = search.observations().create(assignments=POINT, values=[*values, {"name": "seconds", "value": 9}])
    assert [(value.name, value.value) for value in both.values] == [("score", 1.0), ("seconds", 9.0)]


def test_an_observation_can_be_corrected(start: Start) -> None:
    search = start()
    observation = search.observations().create(assignments=POINT, value=1, metadata={"a": 1})
    search.observations(observation.id).update(values=[{"name": "score", "value": 2}])
    corrected = search.observations(observation.id).fetch()
    assert (corrected.values[0].value, corrected.to_json()["metadata"]) == (2.0, {"a": 1})
    refused(400, search.observations(observation.id).update, failed=True)
    search.observations(observation.id).update(failed=True, values=None)
    assert search.observations(observation.id).fetch().failed
    search.observations(observation.id).update(metadata={"a": 2})
    body = search.observations(observation.id).fetch().to_json()
    assert (body["failed"], body["metadata"]) == (True, {"a": 2})


def test_a_batch_is_reported_as_a_whole_or_not_at_all(start: Start) -> None:
    search = start()
    good = {"assignments": POINT, "value": 1}
    refused(400, search.observations().create_batch, observations=[good, {"assignments": POINT}])
    assert search.observations().fetch().count == 0
    assert search.observations().create_batch(observations=[good, {**good, "value": 2}]).count == 2
    assert search.observations().fetch().count == 2


def best(search: BoundApiResource) -> list[BestAssignments]:
    return list(search.best_assignments().fetch().iterate_pages())


def test_there_is_no_best_before_a_success(start: Start) -> None:
    search = start()
    search.observations().create(assignments=POINT, failed=True)
    assert best(search) == []


@pytest.mark.parametrize(("objective", "expected"), [("maximize", 3.0), ("minimize", -1.0)])
def test_the_best_assignments_are_the_best_observations(
    start: Start, objective: str, expected: float
) -> None:
    search = start(metrics=[{"name": "score", "objective": objective}])
    for value in (1, 3, -1, 2, 3):
        search.observations().create(assignments={"x": abs(value) / 4, "y": 0}, value=value)
    search.observations().create(assignments=POINT, failed=True)
    [found] = best(search)
    assert (found.values[0].value, found.assignments["x"]) == (expected, abs(expected) / 4)
    equals = [
        int(observation.id)
        for observation in search.observations().fetch().iterate_pages()
        if not observation.failed and observation.values[0].value == expected
    ]
    assert found.id == str(max(equals))


def test_a_deleted_observation_is_not_the_best(start: Start) -> None:
    search = start()
    kept, deleted = (search.observations().create(assignments=POINT, value=value) for value in (1, 2))
    search.observations(deleted.id).delete()
    assert [found.id for found in best(search)] == [kept.id]


def test_with_two_metrics_the_best_are_those_that_no_other_beats_in_both(start: Start) -> None:
    search = start(
        metrics=[
            {"name": "accuracy", "objective": "maximize"},
            {"name": "seconds", "objective": "minimize"},
            {"name": "epochs", "strategy": "store"},
        ]
    )
    for accuracy, seconds in [(0.9, 10), (0.8, 5), (0.8, 6), (0.7, 7), (0.95, 20), (0.9, 12), (0.5, 5)]:
        values = {"accuracy": accuracy, "seconds": seconds, "epochs": 1}
        listed = [{"name": name, "value": value} for name, value in values.items()]
        search.observations().create(assignments=POINT, values=listed)
    found = [(item.values[0].value, item.values[2].value) for item in best(search)]
    assert found == [(0.95, 20.0), (0.9, 10.0), (0.8, 5.0)]
    assert search.fetch().progress.to_json()["best_observation"] is None
