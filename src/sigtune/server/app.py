"""The server's application: from bytes to the handlers of the backend, and back."""

from __future__ import annotations

import json
import logging
import time
from typing import Any
from urllib.parse import unquote

from anyio import CapacityLimiter, to_thread
from sigopt.exception import ApiException
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from sigtune.backend.api import Api
from sigtune.backend.errors import api_error, not_found
from sigtune.backend.json_body import read_body
from sigtune.backend.requests import Json
from sigtune.backend.routes import Route, find_route
from sigtune.server.authentication import Authentication
from sigtune.server.openapi import openapi_document

LARGEST_BODY = 8 * 2**20
"""Bytes; ten thousand runs in one batch are about four million."""

LARGEST_HEADERS = 16 * 2**10
"""Bytes of all headers of a request together."""

SHORT_CALLS_AT_ONCE = 16
LONG_CALLS_AT_ONCE = 256
"""Calls that wait for one another while points are computed; a report never waits behind them."""

_LONG_CALLS = {
    ("POST", "experiments/ID/suggestions"),
    ("POST", "aiexperiments/ID/training_runs"),
    ("GET", "experiments/ID/metric_importances"),
}

_log = logging.getLogger("sigtune.server.access")


def create_app(api: Api, authentication: Authentication, pages: ASGIApp | None = None) -> Starlette:
    """Return the application that answers /v1 from the store of `api`, /health and /openapi.json.

    `pages` answers the rest.
    """
    v1 = _V1(api, authentication)
    routes = [
        HttpRoute("/health", _Health(api)),
        HttpRoute("/openapi.json", _openapi),
        Mount("/v1", app=v1),
        Mount("/", app=pages or v1),
    ]
    app = Starlette(routes=routes)
    app.router.default = v1  # no route of Starlette's matches a path with a line feed
    return app


async def _openapi(request: Request) -> Response:
    """GET /openapi.json: what can be asked, for people and programs that generate clients or tests."""
    del request
    return JSONResponse(openapi_document())


class _Health:
    """GET /health: whether the store can be read."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await to_thread.run_sync(self._read)
            response = JSONResponse({"status": "ok"})
        except Exception as error:  # noqa: BLE001  # whatever it is, the store cannot be used
            response = JSONResponse({"status": "unavailable", "message": type(error).__name__}, 503)
        await response(scope, receive, send)

    def _read(self) -> None:
        with self._api.store.reading() as session:
            session.execute(select(1))


class _V1:
    """Everything under /v1."""

    def __init__(self, api: Api, authentication: Authentication) -> None:
        self._api, self._authentication = api, authentication
        self._short = CapacityLimiter(SHORT_CALLS_AT_ONCE)
        self._long = CapacityLimiter(LONG_CALLS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, began = Request(scope, receive), time.perf_counter()
        pattern = "-"
        try:
            _check_headers(scope)
            route = find_route(request.method, _path(scope))
            pattern = route.pattern
            answer = await self._answer(request, route)
            skip = request.headers.get("x-response-content") == "skip"
            response = Response(status_code=204) if skip else _json_response(answer, 200)
        except ApiException as error:
            response = _json_response(error.to_json(), error.status_code)
            if error.status_code == 401:
                response.headers["www-authenticate"] = 'Basic realm="sigtune"'
        except ClientDisconnect:
            return
        seconds = time.perf_counter() - began
        # The route, not the path: a path may hold a token.
        _log.info("%s %s %s %.0f ms", request.method, pattern, response.status_code, seconds * 1000)
        await response(scope, receive, send)

    async def _answer(self, request: Request, route: Route) -> Json:
        body = await _body(request)
        limiter = self._long if (request.method, route.pattern) in _LONG_CALLS else self._short
        return await to_thread.run_sync(self._handle, request, route, body, limiter=limiter)

    def _handle(self, request: Request, route: Route, body: bytes) -> Json:
        token = self._authentication.check(self._api.store, route, request.method, request.headers)
        if request.method in ("GET", "DELETE"):
            data: Json = dict(request.query_params)
        else:
            data = read_body(body, request.headers.get("content-type", ""))
        return self._api.answer(route, request.method, data, token)


def _check_headers(scope: Scope) -> None:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
        raise api_error(f"the headers are larger than {LARGEST_HEADERS} bytes", 431)


def _path(scope: Scope) -> list[str]:
    """Return the parts of the path below /v1, each unquoted on its own: an id may hold a slash."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    version, *parts = raw.decode("ascii", "replace").removeprefix("/").split("/")
    if version != "v1":
        raise not_found("the API is below /v1")
    return [unquote(part) for part in parts]


async def _body(request: Request) -> bytes:
    """Return the body; raises a 413 as soon as it is larger than allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise api_error(f"the body is larger than {LARGEST_BODY} bytes", 413)
    return bytes(body)


def _json_response(answer: Any, status: int) -> Response:
    content = json.dumps(answer, separators=(",", ":"), ensure_ascii=True)
    return Response(content, status, media_type="application/json")
