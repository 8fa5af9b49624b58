"""Projects, the token and the client."""

import pytest
from sigopt import Connection
from sigopt.exception import ApiException
from sigopt.resource import BoundApiResource
from tests.fixture_types import Define


@pytest.fixture
def client(connection: Connection) -> BoundApiResource:
    """The endpoint of the client that the token belongs to."""
    return connection.clients(connection.tokens("self").fetch().client)


def test_a_project_is_created_fetched_and_updated(client: BoundApiResource) -> None:
    created = client.projects().create(id="gsc_basic", name="Speech", metadata={"team": "audio"})
    assert client.projects("gsc_basic").fetch() == created
    client.projects("gsc_basic").update(name="Commands")
    body = client.projects("gsc_basic").fetch().to_json()
    assert (body["id"], body["name"], body["metadata"]) == ("gsc_basic", "Commands", {"team": "audio"})


def test_a_project_cannot_be_created_twice(client: BoundApiResource) -> None:
    client.projects().create(id="gsc_basic", name="Speech")
    with pytest.raises(ApiException, match="already exists") as refusal:
        client.projects().create(id="gsc_basic", name="Again")
    assert refusal.value.status_code == 409
    assert [project.name for project in client.projects().fetch().iterate_pages()] == ["Speech"]


@pytest.mark.parametrize("project_id", ["", "Upper", "a b", "x" * 33, None, 3])
def test_a_project_id_must_fit_into_an_address(
    client: BoundApiResource, project_id: str | int | None
) -> None:
    with pytest.raises(ApiException) as refusal:
        client.projects().create(id=project_id, name="Speech")
    assert refusal.value.status_code == 400


def test_a_project_lists_its_own_experiments_only(
    client: BoundApiResource, connection: Connection, define: Define
) -> None:
    client.projects().create(id="one", name="One")
    client.projects().create(id="two", name="Two")
    connection.experiments().create(**define(name="outside"))
    inside = client.experiments().create(**define(name="inside", project="one"))
    assert inside.project == "one"
    assert [found.name for found in client.projects("one").experiments().fetch().iterate_pages()] == [
        "inside"
    ]
    assert client.projects("two").experiments().fetch().count == 0
    assert client.experiments().fetch().count == 2


def test_an_experiment_in_a_project_that_does_not_exist_is_refused(
    connection: Connection, define: Define
) -> None:
    with pytest.raises(ApiException, match="no project 'nowhere'") as refusal:
        connection.experiments().create(**define(project="nowhere"))
    assert refusal.value.status_code == 400


def test_a_project_or_client_that_does_not_exist_is_a_404(
    client: BoundApiResource, connection: Connection
) -> None:
    for endpoint in (
        client.projects("nowhere"),
        connection.clients("77"),
        connection.clients("77").projects(),
    ):
        with pytest.raises(ApiException) as refusal:
            endpoint.fetch()
        assert refusal.value.status_code == 404
