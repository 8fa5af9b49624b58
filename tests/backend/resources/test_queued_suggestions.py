"""Points that wait to be drawn before those of the optimiser."""

import pytest
from sigopt.exception import ApiException
from sigopt.objects import QueuedSuggestion
from sigopt.resource import BoundApiResource
from tests.fixture_types import Report, Start


def queue(search: BoundApiResource, x: float) -> QueuedSuggestion:
    return search.queued_suggestions().create(assignments={"x": x, "y": 0.5})


def queued(search: BoundApiResource) -> list[float]:
    return [entry.assignments["x"] for entry in search.queued_suggestions().fetch().iterate_pages()]


def test_queued_points_are_drawn_first_in_their_order_and_once(start: Start) -> None:
    search = start()
    queue(search, 0.125)
    queue(search, 0.25)
    assert sorted(queued(search)) == [0.125, 0.25]
    assert [search.suggestions().create().assignments["x"] for _ in range(2)] == [0.125, 0.25]
    assert queued(search) == []
    drawn = search.suggestions().create().assignments["x"]
    assert drawn not in (0.125, 0.25)


def test_a_drawn_point_is_a_suggestion_like_any_other(start: Start, report: Report) -> None:
    search = start()
    queue(search, 0.125)
    suggestion = search.suggestions().create()
    report(search, suggestion, score=1.0)
    assert search.observations().fetch().count == 1
    assert search.suggestions(suggestion.id).fetch().state == "closed"


def test_a_queued_point_can_be_looked_at_and_taken_back(start: Start) -> None:
    search = start()
    entry = queue(search, 0.125)
    assert search.queued_suggestions(entry.id).fetch().to_json() == entry.to_json()
    search.queued_suggestions(entry.id).delete()
    assert queued(search) == []
    with pytest.raises(ApiException) as error:
        search.queued_suggestions(entry.id).fetch()
    assert error.value.status_code == 404


def test_a_point_may_be_queued_outside_the_bounds_but_not_without_a_parameter(start: Start) -> None:
    search = start()
    queue(search, 2)
    with pytest.raises(ApiException, match="y: missing"):
        search.queued_suggestions().create(assignments={"x": 0.5})
    assert queued(search) == [2]
    assert search.suggestions().create().assignments["x"] == 2
