"""The server: who may speak to it, what it bounds, and that nothing is lost or doubled."""

import base64
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sigopt import Connection
from sigopt.exception import ApiException

from sigtune.backend.api import Api
from sigtune.optimizer import suggest as optimizer
from sigtune.server.app import LARGEST_BODY
from sigtune.server.background import running_server
from sigtune.server.serve import ServerOptions
from sigtune.server.tokens import create_token, list_tokens, revoke_token


def basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{token}:".encode()).decode()}


def test_the_official_client_runs_a_search_over_http(
    connection: Connection, experiment_definition: dict[str, Any]
) -> None:
    search = connection.experiments(connection.experiments().create(**experiment_definition).id)
    for _ in range(3):
        suggestion = search.suggestions().create()
        value = suggestion.assignments["x"]
        search.observations().create(suggestion=suggestion.id, values=[{"name": "score", "value": value}])
    assert search.fetch().progress.observation_count == 3
    [best] = search.best_assignments().fetch().iterate_pages()
    assert best.values[0].value == max(
        observation.values[0].value for observation in search.observations().fetch().iterate_pages()
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer abc"}, 401),
        ({"Authorization": "Basic ###"}, 401),
        (basic(""), 401),
        (basic("NOSUCHTOKEN"), 403),
    ],
)
def test_without_a_valid_token_nothing_is_answered(url: str, headers: dict[str, str], status: int) -> None:
    response = requests.get(f"{url}/v1/experiments", headers=headers, timeout=30)
    assert response.status_code == status
    assert response.json()["status"] == status


def test_a_revoked_token_opens_nothing_from_that_moment_on(url: str, api: Api) -> None:
    token = create_token(api.store, "for a while")
    assert requests.get(f"{url}/v1/experiments", headers=basic(token), timeout=30).status_code == 200
    [row] = [row for row in list_tokens(api.store) if row.name == "for a while"]
    revoke_token(api.store, row.id)
    response = requests.get(f"{url}/v1/experiments", headers=basic(token), timeout=30)
    assert (response.status_code, response.json()["token_status"]) == (403, "revoked")


def test_a_shared_experiment_can_be_read_with_its_token_and_nothing_else(
    url: str, connection: Connection, experiment_definition: dict[str, Any]
) -> None:
    shared = connection.experiments().create(**experiment_definition).id
    other = connection.experiments().create(**experiment_definition).id
    guest = connection.experiments(shared).tokens().create().token

    def status(method: str, path: str) -> int:
        return requests.request(method, f"{url}/v1/{path}", headers=basic(guest), timeout=30).status_code

    assert status("GET", f"experiments/{shared}") == 200
    assert status("GET", f"experiments/{shared}/observations") == 200
    assert status("GET", "tokens/self") == 200
    assert status("GET", f"experiments/{other}") == 403
    assert status("GET", "experiments") == 403
    assert status("POST", f"experiments/{shared}/suggestions") == 403
    assert status("DELETE", f"experiments/{shared}") == 403


def test_health_needs_no_token(url: str) -> None:
    response = requests.get(f"{url}/health", timeout=30)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_body_that_is_too_large_is_refused(url: str, token: str) -> None:
    response = requests.post(
        f"{url}/v1/experiments", data=b" " * (LARGEST_BODY + 1), headers=basic(token), timeout=60
    )
    assert (response.status_code, response.json()["status"]) == (413, 413)


def test_headers_that_are_too_large_are_refused(url: str, token: str) -> None:
    headers = {**basic(token), "X-Long": "a" * 100_000}
    assert requests.get(f"{url}/v1/experiments", headers=headers, timeout=30).status_code == 431


def test_the_access_log_names_the_route_and_no_token(
    url: str, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "sigtune.server.access"):
        requests.get(f"{url}/v1/tokens/{token}", headers=basic(token), timeout=30)
    assert "GET tokens/ID 200" in caplog.text
    assert token not in caplog.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "attacker.example"}, 403),
        ({"Origin": "https://attacker.example"}, 403),
    ],
)
def test_without_tokens_programs_of_this_machine_are_answered_and_pages_of_other_sites_are_not(
    api: Api, headers: dict[str, str], status: int
) -> None:
    with running_server(api, ServerOptions(port=0, no_auth=True)) as open_url:
        response = requests.get(f"{open_url}/v1/experiments", headers=headers, timeout=30)
    assert response.status_code == status


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_32_clients_at_once_lose_and_double_nothing(
    url: str, token: str, connection: Connection, experiment_definition: dict[str, Any]
) -> None:
    # Random points: a model is not what is tried here, and 64 times a model takes a while.
    experiment = connection.experiments().create(**experiment_definition, type="random").id

    def search(client: int) -> None:
        # The client's own session drops a connection unclosed that it has not used for half a minute.
        with requests.Session() as session:
            own = Connection(client_token=token, session=session)
            own.set_api_url(url)
            mine = own.experiments(experiment)
            for _ in range(2):
                drawn = mine.suggestions().create().id
                values = [{"name": "score", "value": client}]
                mine.observations().create(suggestion=drawn, values=values, metadata={"client": client})

    at_once(32, search)
    observations = list(connection.experiments(experiment).observations().fetch().iterate_pages())
    assert len(observations) == 64
    assert sorted(observation.metadata["client"] for observation in observations) == sorted(
        [*range(32), *range(32)]
    )
    points = {tuple(sorted(observation.assignments.items())) for observation in observations}
    assert len(points) == len({observation.suggestion for observation in observations}) == 64


def test_a_report_is_answered_while_suggestions_are_in_the_making(
    connection: Connection,
    url: str,
    token: str,
    experiment_definition: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search = connection.experiments(connection.experiments().create(**experiment_definition).id)
    waiting = search.suggestions().create()
    begun, go_on = threading.Event(), threading.Event()
    suggest = optimizer.suggest

    def slowly(*args: Any) -> Any:
        begun.set()
        assert go_on.wait(timeout=60)
        return suggest(*args)

    monkeypatch.setattr(optimizer, "suggest", slowly)

    def draw(_number: int) -> int:
        path = f"{url}/v1/experiments/{waiting.experiment}/suggestions"
        return requests.post(path, headers=basic(token), json={}, timeout=60).status_code

    with ThreadPoolExecutor(24) as pool:
        drawn = [pool.submit(draw, number) for number in range(24)]
        assert begun.wait(timeout=60)
        values = [{"name": "score", "value": 1}]
        search.observations().create(suggestion=waiting.id, values=values)
        assert search.fetch().progress.observation_count == 1
        go_on.set()
    assert [future.result() for future in drawn] == [200] * 24


def test_an_error_of_the_client_is_one_of_sigopts(connection: Connection) -> None:
    with pytest.raises(ApiException) as refusal:
        connection.experiments("999").fetch()
    assert (refusal.value.status_code, refusal.value.to_json()["status"]) == (404, 404)
