"""The server's OpenAPI document, and what schemathesis makes of it: no crash, nothing changed by an error."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from sigopt.exception import ApiException

from sigtune.backend.api import Api
from sigtune.backend.routes import ROUTES, find_route
from sigtune.server.openapi import openapi_document

Send: TypeAlias = Callable[[Any], None]

DEFINITION: dict[str, Any] = {
    "name": "one",
    "parameters": [{"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}}],
    "metrics": [{"name": "m"}],
}


@pytest.fixture(scope="module")
def ids(api: Api) -> dict[str, str]:
    """Ids of things that are there, by the parameter of the path that names them."""

    def ask(method: str, path: str, data: Any) -> Any:
        return api.answer(find_route(method, path.split("/")), method, data, "test")

    ask("POST", "clients/1/projects", {"id": "one", "name": "one"})
    experiment = ask("POST", "experiments", {**DEFINITION, "project": "one"})["id"]
    search = ask("POST", "clients/1/projects/one/aiexperiments", DEFINITION)["id"]
    run = ask("POST", "clients/1/projects/one/training_runs", {"name": "run"})["id"]
    return {
        "client_id": "1",
        "project_id": "one",
        "experiment_id": experiment,
        "aiexperiment_id": search,
        "training_run_id": run,
    }


def basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{token}:".encode()).decode()}


def check_answer(response: Any, before: int, after: int) -> None:
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert response.json()["status"] == response.status_code
        assert response.json()["message"]
        assert after == before


@pytest.fixture(scope="module")
def send(url: str, token: str, ids: dict[str, str], changes: Callable[[], int]) -> Send:
    """Return a function that sends a request, by ids that are there, and checks what is answered to it."""

    def send_one(case: Any) -> None:
        known = {name: value for name, value in ids.items() if name in case.path_parameters}
        case.path_parameters = {**case.path_parameters, **known}
        before = changes()
        check_answer(case.call(base_url=url, headers=basic(token), timeout=60), before, changes())

    return send_one


DOCUMENT = schemathesis.openapi.from_dict(openapi_document())
OPERATIONS = {
    f"{method.upper()} {path}": DOCUMENT[path][method]
    for path, item in openapi_document()["paths"].items()
    for method in item
    if method != "parameters"
}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("label", OPERATIONS)
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_the_document_allows_and_what_it_does_not_is_answered_or_refused_in_sigopts_shape(
    data: st.DataObject, label: str, mode: GenerationMode, send: Send
) -> None:
    send(data.draw(OPERATIONS[label].as_strategy(generation_mode=mode)))


def test_the_document_is_served_and_has_every_route(url: str) -> None:
    served = requests.get(f"{url}/openapi.json", timeout=30).json()
    assert served == json.loads(json.dumps(openapi_document()))
    operations = {
        (method, path) for path, item in served["paths"].items() for method in item if method != "parameters"
    }
    written = [
        (method, pattern) for pattern, methods in ROUTES.items() for method in methods if method != "MERGE"
    ]
    assert len(operations) == len(written)


class Asked(dict[str, Any]):
    """A body that remembers which fields were looked up, and has none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default


@pytest.mark.parametrize(
    ("method", "pattern"),
    [(method, pattern) for pattern, methods in ROUTES.items() for method in methods if method == "GET"],
)
def test_a_list_reads_the_fields_that_the_document_has_of_it_and_no_others(
    api: Api, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch, method: str, pattern: str
) -> None:
    asked = Asked()
    monkeypatch.setattr("sigtune.backend.api.checked", lambda data: asked)
    path = [
        ids.get(f"{pattern.split('/')[index - 1].removesuffix('s')}_id", "1") if part == "ID" else part
        for index, part in enumerate(pattern.split("/"))
    ]
    with suppress(ApiException):  # there is none of it
        api.answer(find_route(method, path), method, {}, "test")
        assert asked.names == set(ROUTES[pattern][method].fields)


@pytest.mark.parametrize(
    ("method", "path"), [("FOO", "experiments"), ("PATCH", "experiments/1"), ("PUT", "experiments")]
)
def test_a_method_that_a_path_has_not_is_a_405(url: str, token: str, method: str, path: str) -> None:
    response = requests.request(method, f"{url}/v1/{path}", headers=basic(token), timeout=30)
    assert (response.status_code, response.json()["status"]) == (405, 405)


@pytest.mark.parametrize(
    "path",
    [
        "v1",
        "v1/",
        "v1/nothing",
        "v1/experiments//",
        "v1/experiments/1/nothing",
        "v1/experiments/1%0A/nothing",
        "v2/experiments",
    ],
)
def test_an_unknown_path_is_a_404(url: str, token: str, path: str) -> None:
    response = requests.get(f"{url}/{path}", headers=basic(token), timeout=30)
    assert (response.status_code, response.json()["status"]) == (404, 404)


def test_a_body_of_ten_megabytes_is_a_413_and_changes_nothing(
    url: str, token: str, changes: Callable[[], int]
) -> None:
    before = changes()
    body = json.dumps({**DEFINITION, "metadata": {"a": "x" * 10_000_000}})
    response = requests.post(f"{url}/v1/experiments", data=body, headers=basic(token), timeout=60)
    assert (response.status_code, response.json()["status"]) == (413, 413)
    assert changes() == before
