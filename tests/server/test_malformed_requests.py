"""Whatever is sent, the answer is SigOpt's kind of error, never a crash, and nothing is changed by it."""

import base64
import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sigopt import Connection
from sigopt.exception import ApiException

from sigtune.backend.api import Api
from sigtune.backend.driver import LocalDriver
from sigtune.backend.routes import ROUTES, Route, find_route

# The same in every run, and some thirteen hundred over all routes; tests/server/test_openapi.py sends more.
SETTINGS = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# With lone surrogates, NUL, numbers beyond a double, and deep nesting.
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)

FIELDS = [
    *("name", "parameters", "metrics", "observation_budget", "project", "metadata", "type", "tasks", "state"),
    *(
        "assignments",
        "suggestion",
        "values",
        "value",
        "failed",
        "observations",
        "runs",
        "id",
        "limit",
        "before",
    ),
    *("conditionals", "linear_constraints", "num_solutions", "budget", "filters", "sort", "model", "logs"),
]

bodies = st.dictionaries(st.sampled_from(FIELDS), anything, max_size=6)

PARAMETER_FIELDS = [
    *("name", "type", "bounds", "grid", "categorical_values", "transformation", "default_value", "prior"),
    "conditions",
]

parameters = st.lists(
    st.dictionaries(
        st.sampled_from(PARAMETER_FIELDS),
        anything | st.sampled_from(["double", "int", "categorical", "x", "log"]),
        max_size=6,
    ),
    max_size=3,
)


@pytest.fixture(scope="module")
def ids(api: Api) -> dict[str, str]:
    """The ids of a project, an experiment, a run and a client that are there."""
    x = {"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}}

    def ask(method: str, path: str, data: Any) -> Any:
        return api.answer(find_route(method, path.split("/")), method, data, "test")

    ask("POST", "clients/1/projects", {"id": "one", "name": "one"})
    experiment = {"name": "one", "parameters": [x], "metrics": [{"name": "m"}]}
    core = ask("POST", "experiments", {**experiment, "project": "one"})["id"]
    search = ask("POST", "clients/1/projects/one/aiexperiments", experiment)["id"]
    run = ask("POST", "clients/1/projects/one/training_runs", {"name": "run"})["id"]
    return {
        "clients": "1",
        "projects": "one",
        "experiments": core,
        "aiexperiments": search,
        "training_runs": run,
    }


def filled(pattern: str, ids: dict[str, str]) -> str:
    parts = pattern.split("/")
    return "/".join(
        ids.get(parts[index - 1], "1") if part == "ID" else part for index, part in enumerate(parts)
    )


def refused(api: Api, route: Route, method: str, data: dict[str, Any]) -> ApiException | None:
    """Make a call and return the error that it was refused with; None where it was answered."""
    try:
        api.answer(route, method, data, "test")
    except ApiException as error:
        return error
    return None


CALLS = [(method, pattern) for pattern, methods in ROUTES.items() for method in methods]


@pytest.fixture(scope="module")
def drawn_bodies() -> list[dict[str, Any]]:
    """What every route is sent: drawn once, for drawing takes longer than the answers."""
    drawn: list[dict[str, Any]] = []

    @SETTINGS
    @given(data=bodies)
    @example(data={"metadata": []})
    def draw(data: dict[str, Any]) -> None:
        # The experiment that the other calls need is not to be deleted by the way.
        data.pop("state", None)
        drawn.append(data)

    draw()
    return drawn


@pytest.mark.parametrize(("method", "pattern"), CALLS)
def test_any_body_or_query_is_answered_or_refused_and_then_changes_nothing(
    api: Api,
    ids: dict[str, str],
    changes: Callable[[], int],
    drawn_bodies: list[dict[str, Any]],
    method: str,
    pattern: str,
) -> None:
    route = find_route(method, filled(pattern, ids).split("/"))
    for body in drawn_bodies:
        before = changes()
        refusal = refused(api, route, method, deepcopy(body))
        if refusal is not None:
            assert 400 <= refusal.status_code < 500, body
            assert refusal.to_json()["status"] == refusal.status_code, body
            assert changes() == before, body


@SETTINGS
@given(given_parameters=parameters)
@example(given_parameters=[{"name": "x", "type": "categorical", "categorical_values": True}])
def test_any_definition_is_created_or_refused(api: Api, given_parameters: list[dict[str, Any]]) -> None:
    route = find_route("POST", ["experiments"])
    data = {"name": "any", "parameters": given_parameters, "metrics": [{"name": "m"}]}
    refusal = refused(api, route, "POST", data)
    assert refusal is None or refusal.status_code == 400
    if refusal is None:
        listed = find_route("GET", ["experiments"])
        [newest] = api.answer(listed, "GET", {"limit": 1}, "test")["data"]
        assert newest["name"] == "any"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"\xff\xfe",
        b'{"name": NaN}',
        b'{"name": 1e400}',
        b'{"a": 1, "a": 2}',
        b'{"name": "\\u0000"}',
        b'{"name": "\\ud800"}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"observation_budget": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_malformed_body_is_a_400(url: str, token: str, body: bytes) -> None:
    headers = {"Authorization": "Basic " + base64.b64encode(f"{token}:".encode()).decode()}
    headers["Content-Type"] = "application/json"
    response = requests.post(f"{url}/v1/experiments", data=body, headers=headers, timeout=60)
    assert (response.status_code, response.json()["status"]) == (400, 400)


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda c: c.experiments(10**12).fetch(), 404),
        (lambda c: c.experiments("9" * 400).fetch(), 404),
        (lambda c: c.experiments("1\x00").fetch(), 404),
        (lambda c: c.experiments().create(name={"project": []}), 400),
        (lambda c: c.experiments().create(name="\ud800"), 400),
        (lambda c: c.experiments().create(name="a", metadata={1: 2}), 400),
        (lambda c: c.experiments().create(name="a", metadata={"z": 1j}), 400),
        (lambda c: c.experiments().create(project=[]), 400),
        (lambda c: c.experiments().create(name=object()), 400),
    ],
)
def test_what_no_json_can_say_is_refused_in_the_process_too(api: Api, call: Any, status: int) -> None:
    driver = LocalDriver(api.store.url.render_as_string(hide_password=False))
    with pytest.raises(ApiException) as refusal:
        call(Connection(driver=lambda: driver))
    driver.close()
    assert refusal.value.status_code == status
    json.dumps(refusal.value.to_json())
