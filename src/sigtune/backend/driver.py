"""The embedded backend as a driver of the official client: `sigopt.Connection(driver=LocalDriver)`.

Routes only; each resource has a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sigopt.objects import ApiObject
from sqlalchemy.exc import OperationalError

from sigtune.backend.errors import bad_request, not_found, unavailable
from sigtune.backend.requests import CLIENT_ID, Json, Request
from sigtune.backend.resources import experiments, observations, projects, queued_suggestions, suggestions
from sigtune.backend.store import Store
from sigtune.errors import Problem, UsageError
from sigtune.optimizer.suggest import FIRST_MODELLED, load_libraries

Handler: TypeAlias = Callable[[Request], Json]


@dataclass(frozen=True)
class Route:
    """What answers a request, and what is worth doing before its transaction begins."""

    handler: Handler
    prepare: Callable[[Request], None] | None = None


class LocalDriver:
    """A SigOpt in this process, over the SQLAlchemy database at `url`.

    `seed` decides every random choice: equal stores and equal seeds give equal suggestions. Raises UsageError
    (keys `sigopt.store`, `sigopt.seed`) when the store cannot be opened and written. A SQLite file is made by
    the first request that writes.
    """

    def __init__(self, url: str = "sqlite:///sigopt.db", seed: int = 0) -> None:
        if seed < 0:
            raise UsageError([Problem("sigopt.seed", f"{seed} is below 0", "0")])
        self._store = Store(url)
        self._seed = seed

    def request(
        self,
        method: str,
        path: Sequence[str | int],
        data: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """Answer one request of SigOpt's v1 API; raises ApiException with SigOpt's status codes."""
        method = method.upper()
        route, ids = _find_route(method, [str(part) for part in path])
        body = ApiObject.as_json(data or {})
        if not isinstance(body, dict):
            raise bad_request("expected an object")
        try:
            if route.prepare:
                with self._store.reading() as session:
                    route.prepare(Request(session, ids, body, self._seed))
            with self._store.reading() if method == "GET" else self._store.writing() as session:
                return route.handler(Request(session, ids, body, self._seed))
        except UsageError as error:  # a file that could be made when this was begun, and cannot now
            raise unavailable(str(error)) from error
        except OperationalError as error:
            raise unavailable(f"the store cannot be used at the moment: {error.orig}") from error

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def load_optimizer() -> None:
    """Import what suggestions are computed with: seconds that nobody need wait for later."""
    load_libraries(FIRST_MODELLED)


def _find_route(method: str, path: Sequence[str]) -> tuple[Route, tuple[str, ...]]:
    if not path or "" in path:
        raise not_found("a part of the path is empty")
    is_batch = path[-1] == "batch" and path[-2:-1] == ["observations"]
    # Names and ids take turns in a path; "batch" stands where an id would.
    shape = "/".join(part if index % 2 == 0 else "ID" for index, part in enumerate(path))
    route = _ROUTES.get((method, f"{shape[:-2]}batch" if is_batch else shape))
    if route is None:
        raise not_found(f"the embedded backend does not support {method} {'/'.join(path)}")
    return route, tuple(path[1::2])


def _token(request: Request) -> Json:
    request.only()
    if request.ids[0] != "self":
        raise not_found(f"no token {request.ids[0]}")
    return {
        "object": "token",
        "client": CLIENT_ID,
        "user": None,
        "all_experiments": True,
        "development": False,
        "experiment": None,
        "expires": None,
        "permissions": None,
        "token": None,
        "token_type": "client-api",
    }


def _client(request: Request) -> Json:
    request.only()
    projects.check_client(request)
    return {"object": "client", "id": CLIENT_ID, "name": "local", "organization": None, "created": None}


_ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "tokens/ID"): Route(_token),
    ("GET", "clients/ID"): Route(_client),
    ("POST", "clients/ID/projects"): Route(projects.create),
    ("GET", "clients/ID/projects"): Route(projects.listing),
    ("GET", "clients/ID/projects/ID"): Route(projects.detail),
    ("PUT", "clients/ID/projects/ID"): Route(projects.update),
    ("POST", "clients/ID/experiments"): Route(experiments.create_for_client),
    ("GET", "clients/ID/experiments"): Route(experiments.listing_for_client),
    ("GET", "clients/ID/projects/ID/experiments"): Route(experiments.listing_for_client),
    ("POST", "experiments"): Route(experiments.create),
    ("GET", "experiments"): Route(experiments.listing),
    ("GET", "experiments/ID"): Route(experiments.detail),
    ("PUT", "experiments/ID"): Route(experiments.update),
    ("DELETE", "experiments/ID"): Route(experiments.delete),
    ("POST", "experiments/ID/suggestions"): Route(suggestions.create, prepare=suggestions.prepare),
    ("GET", "experiments/ID/suggestions"): Route(suggestions.listing),
    ("DELETE", "experiments/ID/suggestions"): Route(suggestions.delete_open),
    ("GET", "experiments/ID/suggestions/ID"): Route(suggestions.detail),
    ("PUT", "experiments/ID/suggestions/ID"): Route(suggestions.update),
    ("DELETE", "experiments/ID/suggestions/ID"): Route(suggestions.delete),
    ("POST", "experiments/ID/queued_suggestions"): Route(queued_suggestions.create),
    ("GET", "experiments/ID/queued_suggestions"): Route(queued_suggestions.listing),
    ("GET", "experiments/ID/queued_suggestions/ID"): Route(queued_suggestions.detail),
    ("DELETE", "experiments/ID/queued_suggestions/ID"): Route(queued_suggestions.delete),
    ("POST", "experiments/ID/observations"): Route(observations.create),
    ("POST", "experiments/ID/observations/batch"): Route(observations.create_batch),
    ("GET", "experiments/ID/observations"): Route(observations.listing),
    ("GET", "experiments/ID/observations/ID"): Route(observations.detail),
    ("PUT", "experiments/ID/observations/ID"): Route(observations.update),
    ("DELETE", "experiments/ID/observations/ID"): Route(observations.delete),
    ("GET", "experiments/ID/best_assignments"): Route(observations.best_assignments),
}
