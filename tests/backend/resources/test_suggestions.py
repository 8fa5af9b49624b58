"""Drawing suggestions through the client and the store."""

from pathlib import Path
from typing import Any

import pytest
from sigopt import Connection
from sigopt.exception import ApiException
from tests.fixture_types import Connect, Define, Report, Start


def test_a_suggestion_has_sigopts_shape(start: Start) -> None:
    search = start()
    created = search.suggestions().create(metadata={"host": "a"})
    body = search.suggestions(created.id).fetch().to_json()
    assert created.to_json() == {**body, "deleted": None}
    assert isinstance(body.pop("created"), int)
    assert body == {
        "object": "suggestion",
        "id": created.id,
        "experiment": search.fetch().id,
        "assignments": {"x": 0.5, "y": 0.5},
        "state": "open",
        "metadata": {"host": "a"},
        "deleted": False,
    }


def test_the_first_suggestion_is_the_point_of_defaults(start: Start) -> None:
    search = start(
        parameters=[
            {"name": "lr", "type": "double", "bounds": {"min": 0, "max": 1}, "default_value": 0.11},
            {"name": "epochs", "type": "int", "bounds": {"min": 1, "max": 30}, "default_value": 3},
            {"name": "mode", "type": "categorical", "categorical_values": ["a", "b"], "default_value": "b"},
        ]
    )
    assignments = search.suggestions().create().to_json()["assignments"]
    assert assignments == {"lr": 0.11, "epochs": 3, "mode": "b"}
    assert type(assignments["epochs"]) is int


def test_suggestions_are_listed_by_state(start: Start, report: Report) -> None:
    search = start()
    first, second = (search.suggestions().create() for _ in range(2))
    report(search, first, score=1)
    for state, expected in [("open", [second.id]), (None, [second.id, first.id])]:
        listed = search.suggestions().fetch(state=state).iterate_pages()
        assert [suggestion.id for suggestion in listed] == expected
    with pytest.raises(ApiException) as refusal:
        search.suggestions().fetch(state="ajar")
    assert refusal.value.status_code == 400


def test_metadata_of_a_suggestion_can_be_replaced(start: Start) -> None:
    search = start()
    suggestion = search.suggestions().create(metadata={"a": 1, "b": "x"})
    search.suggestions(suggestion.id).update(metadata={"a": 2, "c": None})
    assert search.suggestions(suggestion.id).fetch().to_json()["metadata"] == {"a": 2}


def test_open_suggestions_differ_from_each_other(start: Start) -> None:
    search = start()
    points = [search.suggestions().create().to_json()["assignments"] for _ in range(8)]
    assert len({tuple(point.items()) for point in points}) == 8


def test_open_suggestions_differ_when_the_model_proposes_them(start: Start, report: Report) -> None:
    search = start()
    for _ in range(6):
        suggestion = search.suggestions().create()
        report(search, suggestion, score=-((suggestion.assignments["x"] - 0.3) ** 2))
    points = [search.suggestions().create().to_json()["assignments"] for _ in range(3)]
    apart = [
        max(abs(points[one][name] - points[other][name]) for name in ("x", "y"))
        for one, other in ((0, 1), (0, 2), (1, 2))
    ]
    assert min(apart) > 0.01


def test_parallel_bandwidth_does_not_limit_the_open_suggestions(start: Start) -> None:
    search = start(parallel_bandwidth=1)
    assert [search.suggestions().create().state for _ in range(3)] == ["open"] * 3


def test_the_number_of_a_deleted_suggestion_is_not_given_out_again(start: Start) -> None:
    search = start()
    first = search.suggestions().create()
    search.suggestions(first.id).delete()
    with pytest.raises(ApiException) as refusal:
        search.suggestions(first.id).fetch()
    assert refusal.value.status_code == 404
    assert search.suggestions().create().assignments != first.assignments


def test_a_late_report_on_a_deleted_suggestion_does_not_land_on_the_next_one(start: Start) -> None:
    search = start()
    deleted = search.suggestions().create()
    search.suggestions(deleted.id).delete()
    following = search.suggestions().create()
    assert following.id != deleted.id
    with pytest.raises(ApiException) as refusal:
        search.observations().create(suggestion=deleted.id, value=1)
    assert refusal.value.status_code == 400
    assert search.suggestions(following.id).fetch().state == "open"


def test_the_open_suggestions_can_be_deleted_or_all_of_them(start: Start, report: Report) -> None:
    search = start()
    closed, *_ = (search.suggestions().create() for _ in range(3))
    report(search, closed, score=1)
    search.suggestions().delete(state="open")
    assert [suggestion.id for suggestion in search.suggestions().fetch().iterate_pages()] == [closed.id]
    search.suggestions().delete()
    assert search.suggestions().fetch().count == 0
    assert search.suggestions().fetch(deleted=True).count == 3
    assert search.fetch().progress.observation_count == 1


def test_assignments_can_be_given_to_a_suggestion(start: Start) -> None:
    search = start()
    given = search.suggestions().create(assignments={"x": 0.125, "y": 0.5})
    assert given.to_json()["assignments"] == {"x": 0.125, "y": 0.5}
    assert search.suggestions().create().assignments != given.assignments


def run(connection: Connection, definition: dict[str, Any], count: int) -> list[dict[str, float]]:
    search = connection.experiments(connection.experiments().create(**definition).id)
    points = []
    for _ in range(count):
        suggestion = search.suggestions().create()
        points.append(suggestion.to_json()["assignments"])
        value = -((suggestion.assignments["x"] - 0.3) ** 2) - (suggestion.assignments["y"] - 0.6) ** 2
        search.observations().create(suggestion=suggestion.id, value=value)
    return points


def test_equal_stores_with_equal_seeds_give_equal_suggestions(
    connect: Connect, tmp_path: Path, define: Define
) -> None:
    def search(store: str, seed: int) -> list[dict[str, float]]:
        return run(connect(f"sqlite:///{tmp_path / store}", seed=seed), define(), 8)

    first = search("a.db", seed=3)
    assert search("b.db", seed=3) == first
    other = search("c.db", seed=4)
    assert [one == two for one, two in zip(first, other, strict=True)] == [True] + 7 * [False]
