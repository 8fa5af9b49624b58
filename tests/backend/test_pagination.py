"""Pages, as the client's iterate_pages walks them."""

import pytest
from sigopt import Connection
from sigopt.exception import ApiException
from tests.fixture_types import Define, Report, Start


@pytest.fixture
def names(connection: Connection, define: Define) -> list[str]:
    """The names of seven experiments, newest first."""
    for index in range(7):
        connection.experiments().create(**define(name=str(index)))
    return ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, "3"])
def test_every_item_comes_once_newest_first_whatever_the_page_size(
    connection: Connection, names: list[str], limit: int | str
) -> None:
    page = connection.experiments().fetch(limit=limit)
    assert page.count == 7
    assert [experiment.name for experiment in page.iterate_pages()] == names


def test_without_a_limit_everything_is_on_one_page(connection: Connection, names: list[str]) -> None:
    body = connection.experiments().fetch().to_json()
    assert [experiment["name"] for experiment in body["data"]] == names
    assert body["paging"]["before"] is None


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_asking_for_what_is_newer_walks_upwards(connection: Connection, names: list[str], limit: int) -> None:
    last = connection.experiments().fetch(limit=1, ascending=True)
    newer = connection.experiments().fetch(after=last.paging.after, limit=limit).iterate_pages()
    assert sorted(experiment.name for experiment in newer) == sorted(names[:-1])


def test_a_page_names_its_neighbours_in_both_directions(connection: Connection, names: list[str]) -> None:
    first = connection.experiments().fetch(limit=2)
    page = connection.experiments().fetch(before=first.paging.before, limit=2).to_json()
    assert [item["name"] for item in page["data"]] == names[2:4]
    back = connection.experiments().fetch(after=page["paging"]["after"], limit=2).to_json()
    assert [item["name"] for item in back["data"]] == names[:2]
    on = connection.experiments().fetch(before=page["paging"]["before"], limit=2).to_json()
    assert [item["name"] for item in on["data"]] == names[4:6]


@pytest.mark.parametrize(
    "query", [{"limit": -1}, {"limit": "many"}, {"sort": "name"}, {"state": "archived"}, {"before": "5"}]
)
def test_a_query_that_is_not_understood_is_refused(
    connection: Connection, query: dict[str, int | str]
) -> None:
    with pytest.raises(ApiException) as refusal:
        connection.experiments().fetch(**query)
    assert refusal.value.status_code == 400


def test_suggestions_and_observations_have_pages_too(start: Start, report: Report) -> None:
    search = start()
    suggestions = [search.suggestions().create() for _ in range(5)]
    for suggestion in suggestions[:3]:
        report(search, suggestion, score=1)
    assert len(list(search.observations().fetch(limit=2).iterate_pages())) == 3
    still_open = search.suggestions().fetch(state="open", limit=1)
    assert [found.id for found in still_open.iterate_pages()] == [suggestions[4].id, suggestions[3].id]
