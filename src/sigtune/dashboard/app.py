"""The pages as an application: which handler answers which path, and what every answer has."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from anyio import to_thread
from sigopt.exception import ApiException, ConnectionException
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import sigtune.report
from sigtune.dashboard.access import Access, ForbiddenError, LogInError, check_origin
from sigtune.dashboard.forms import FormError, read_form
from sigtune.dashboard.pages import ROUTES
from sigtune.dashboard.visit import Handler, Site, Visit
from sigtune.errors import UsageError

STATIC = Path(__file__).parent / "static"
FIGURES = Path(sigtune.report.__file__).parent / "static"

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}

Endpoint = Callable[[Request], Awaitable[Response]]

_log = logging.getLogger(__name__)


def create_app(access: Access, place: str = "") -> ASGIApp:
    """Return the application that shows the pages to whom `access` lets in.

    `place` tells a search that asks whether they are over the store that it uses, and nothing else.
    """
    site = Site()
    answers = _Answers(site, access)
    routes = [Route(path, answers.endpoint(handler), methods=[method]) for path, method, handler in ROUTES]
    return _with_headers(
        Starlette(
            routes=[
                *routes,
                Route("/about.json", lambda _request: JSONResponse({"sigtune": place})),
                Route("/login", answers.login, methods=["GET", "POST"]),
                Route("/logout", answers.endpoint(answers.logout), methods=["POST"]),
                Mount("/static", StaticFiles(directory=STATIC)),
                Mount("/figures", StaticFiles(directory=FIGURES)),
                Route("/{path:path}", answers.endpoint(_no_such_page)),
            ]
        )
    )


class _Answers:
    """From a request to the answer of a page's handler, or to a page that says why there is none."""

    def __init__(self, site: Site, access: Access) -> None:
        self._site, self._access = site, access

    def endpoint(self, handler: Handler) -> Endpoint:
        """Return what answers with the handler, in a thread: a driver's requests wait."""

        async def answer(request: Request) -> Response:
            try:
                form = await read_form(request) if request.method == "POST" else {}
            except FormError as error:
                return self._trouble(request, 400, "This cannot be read", str(error))
            except ClientDisconnect:
                return Response(status_code=400)
            return await to_thread.run_sync(self._answer, request, form, handler)

        return answer

    def _answer(self, request: Request, form: dict[str, str], handler: Handler) -> Response:
        try:
            session = self._access.session(request)
            if request.method == "POST":
                self._access.check_write(request, session, form)
            visit = Visit(
                self._site, session, request.url.path, request.path_params, request.query_params, form
            )
            response = handler(visit)
        except LogInError:
            if request.url.path.endswith(".json"):
                return self._trouble(request, 401, "Log in", "the session is over: open the page again")
            return RedirectResponse("/login", 303)
        except ForbiddenError as error:
            return self._trouble(request, 403, "This is not allowed", str(error))
        except ApiException as error:
            return self._trouble(request, *_told(error))
        except (ConnectionException, UsageError) as error:
            return self._trouble(request, 503, "SigOpt cannot be reached at the moment", _first_line(error))
        self._set_cookie(request, response, session.key)
        return response

    async def login(self, request: Request) -> Response:
        """GET and POST /login: ask for a token, and let in whoever has one."""
        if not self._access.needs_token:
            return RedirectResponse("/", 303)
        if request.method == "GET":
            return self._login_page(200, "")
        try:
            check_origin(request)
            token = (await read_form(request)).get("token", "").strip()
            key = await to_thread.run_sync(self._access.log_in, token)
        except (ForbiddenError, FormError) as error:
            return self._login_page(403, str(error))
        except ApiException:
            return self._login_page(403, "This token is not valid.")
        except ConnectionException as error:
            return self._trouble(request, 503, "SigOpt cannot be reached at the moment", _first_line(error))
        response = RedirectResponse("/", 303)
        self._set_cookie(request, response, key)
        return response

    def logout(self, visit: Visit) -> Response:
        """POST /logout."""
        self._access.log_out(visit.session)
        return RedirectResponse("/", 303)

    def _login_page(self, status: int, wrong: str) -> Response:
        return Response(self._site.html("login.html", wrong=wrong), status, media_type="text/html")

    def _set_cookie(self, request: Request, response: Response, key: str) -> None:
        name = self._access.cookie_name(request)
        if request.cookies.get(name) != key:
            secure = self._access.is_secure
            response.set_cookie(name, key, httponly=True, samesite="lax", secure=secure, path="/")

    def _trouble(self, request: Request, status: int, title: str, words: str) -> Response:
        """Return a page, or JSON where that was asked for, that says why there is nothing else."""
        if request.url.path.endswith(".json"):
            return JSONResponse({"title": title, "message": words}, status)
        comes_back = request.method == "GET" and (status == HTTPStatus.NOT_FOUND or status >= 500)
        html = self._site.html("trouble.html", title=title, words=words, comes_back=comes_back)
        return Response(html, status, media_type="text/html")


def _no_such_page(visit: Visit) -> Response:
    message = f"the dashboard has no page {visit.path}"
    raise ApiException({"message": message}, HTTPStatus.NOT_FOUND)


def _told(error: ApiException) -> tuple[int, str, str]:
    """Return status, title and words for what SigOpt answers."""
    status, words = int(error.status_code), _first_line(error)
    if status == HTTPStatus.NOT_FOUND:
        return 404, "This does not exist", words
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return 403, "This is not allowed", words
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        title = "The store cannot be used at the moment"
        return 503, title, words.removeprefix(f"{title[0].lower()}{title[1:]}: ")
    return 400, "SigOpt refuses this", words


def _first_line(error: Exception) -> str:
    message = getattr(error, "message", None) or str(error)
    return (str(message).strip().splitlines() or ["no reason given"])[0][:300]


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Return the application with the headers that keep a browser from doing more than the pages ask for."""

    async def with_headers(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await app(scope, receive, send_with_headers)

    return with_headers
