"""Who is let in, whose forms count, and that what others have written stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from sigopt.resource import BoundApiResource

from sigtune.backend.api import Api
from sigtune.dashboard.serve import pages_of_server
from sigtune.server.authentication import TokenAuthentication
from sigtune.server.background import running_server
from sigtune.server.serve import ServerOptions
from sigtune.server.store_driver import StoreDriver
from sigtune.server.tokens import create_token
from tests.dashboard.running import Visitor, running_dashboard
from tests.fixture_types import Connect, Start
from tests.patience import PATIENCE_SECONDS

SCRIPT = "<script>alert(1)</script>"
PAGES = (
    "",
    "/analysis",
    "/history",
    "/suggestions",
    "/add-data",
    "/properties",
    "/observations/1",
    "/curves",
)


@pytest.fixture
def api(store: str, search: BoundApiResource) -> Iterator[Api]:
    with closing(Api(store)) as api:
        yield api


def test_every_answer_forbids_what_the_pages_do_not_need(visitor: Visitor, search: BoundApiResource) -> None:
    for path in ("/", "/experiments/1", "/experiments/99", "/static/pages.js", "/experiments/1/table.json"):
        headers = requests.get(visitor.url + path, timeout=PATIENCE_SECONDS).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_no_page_has_a_script_or_style_in_it(visitor: Visitor, search: BoundApiResource) -> None:
    for path in PAGES:
        html = visitor.get(f"/experiments/1{path}")
        assert not [part for part in ("<style", " style=", " onclick=") if part in html], path
        from_files = html.count("<script defer src=") + html.count('<script type="module" src=')
        assert html.count("<script") == from_files, path


def test_a_script_in_every_field_stays_text(visitor: Visitor, start: Start) -> None:
    search = start(
        name=SCRIPT,
        parameters=[
            {"name": SCRIPT, "type": "double", "bounds": {"min": 0, "max": 1}},
            {"name": "kind", "type": "categorical", "categorical_values": [SCRIPT, "b"]},
        ],
        metrics=[{"name": SCRIPT}],
        metadata={SCRIPT: SCRIPT, "notes": SCRIPT, "sweep_dir": SCRIPT},
    )
    point = {SCRIPT: 0.5, "kind": SCRIPT}
    value = {"name": SCRIPT, "value": 1}
    search.observations().create(assignments=point, values=[value], metadata={SCRIPT: SCRIPT})
    search.observations().create(assignments=point, failed=True, metadata={"reason": SCRIPT})
    search.suggestions().create(assignments=point, metadata={"lease_host": SCRIPT, "lease_pid": SCRIPT})
    search.queued_suggestions().create(assignments=point)
    for path in ("/", "/compare?experiment=1", *(f"/experiments/1{page}" for page in PAGES)):
        html = visitor.get(path)
        assert SCRIPT not in html, path
    assert "&lt;script&gt;" in visitor.get("/experiments/1")


def test_a_form_of_another_site_changes_nothing(visitor: Visitor, search: BoundApiResource) -> None:
    for origin in ("http://elsewhere.example", "null", "", "http://127.0.0.1:1"):
        shown = visitor.post("/experiments/1/state", {"state": "deleted"}, code=403, origin=origin)
        assert "another site" in shown, origin
        assert search.fetch().state == "active", origin


def test_a_form_without_the_pages_token_changes_nothing(visitor: Visitor, search: BoundApiResource) -> None:
    for csrf in ("", "0" * 64):
        visitor.post("/experiments/1/state", {"csrf": csrf, "state": "deleted"}, code=403)
    stranger = Visitor(visitor.url)
    with stranger.session:
        token = re.search(r'name="csrf" value="(\w+)"', visitor.get("/experiments/1/properties"))
        assert token is not None
        stranger.post("/experiments/1/state", {"csrf": token[1], "state": "deleted"}, code=403)
    assert search.fetch().state == "active"


def test_without_tokens_only_this_machines_names_are_answered(
    visitor: Visitor, search: BoundApiResource
) -> None:
    headers = {"host": "rebound.example"}
    response = requests.get(f"{visitor.url}/experiments/1", headers=headers, timeout=PATIENCE_SECONDS)
    assert response.status_code == 403
    assert "this machine only" in response.text


def test_on_another_address_a_token_is_asked_for_and_does_what_it_may(api: Api, connect: Connect) -> None:
    token = create_token(api.store, "test")

    def driver(given: str) -> StoreDriver:
        return StoreDriver(api, TokenAuthentication(), given)

    with running_dashboard(driver, needs_token=True) as url:
        visitor = Visitor(url)
        with visitor.session:
            assert "need a token" in visitor.get("/experiments/1")
            assert "Log in" in visitor.get("/experiments/1/updated.json", 401)
            assert "not valid" in visitor.post("/login", {"token": "nonsense"}, code=403)
            assert "another site" in visitor.post(
                "/login", {"token": token}, code=403, origin="http://elsewhere"
            )
            visitor.post("/login", {"token": token})
            assert "3 of 20" in visitor.get("/")
            assert token not in str(visitor.session.cookies.get_dict())
            visitor.post("/logout")
            assert "need a token" in visitor.get("/")


def test_a_token_that_reads_one_experiment_reads_only_that(
    api: Api, search: BoundApiResource, start: Start
) -> None:
    full = create_token(api.store, "test")
    with running_server(api, ServerOptions(port=0)) as server:
        answer = requests.post(
            f"{server}/v1/experiments/1/tokens", auth=(full, ""), json={}, timeout=PATIENCE_SECONDS
        )
    shared = answer.json()["token"]
    with running_dashboard(
        lambda given: StoreDriver(api, TokenAuthentication(), given), needs_token=True
    ) as url:
        visitor = Visitor(url)
        with visitor.session:
            visitor.post(
                "/login", {"token": shared}, code=403
            )  # the list is not for it, and is where one comes out
            assert "search" in visitor.get("/experiments/1")
            assert "only reads experiment 1" in visitor.get("/experiments/2", 403)


def test_the_server_serves_the_same_pages_beside_its_api(api: Api) -> None:
    token = create_token(api.store, "test")
    with running_server(api, ServerOptions(port=0), pages_of_server) as url:
        visitor = Visitor(url)
        with visitor.session:
            assert "need a token" in visitor.get("/")
            visitor.post("/login", {"token": token})
            assert "score" in visitor.get("/experiments/1")
        answer = requests.get(f"{url}/v1/experiments/1", auth=(token, ""), timeout=PATIENCE_SECONDS)
        assert answer.json()["name"] == "search"
        assert requests.get(f"{url}/health", timeout=PATIENCE_SECONDS).json() == {"status": "ok"}


def test_static_files_are_only_the_pages_own(visitor: Visitor) -> None:
    places = ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/figures//etc/passwd")
    for path in places:
        assert visitor.status_as_typed(path) == 404, path
