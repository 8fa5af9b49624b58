"""The embedded backend as a driver of the official client: `sigopt.Connection(driver=LocalDriver)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigopt.objects import ApiObject

from sigtune.backend.api import Api
from sigtune.backend.errors import bad_request
from sigtune.backend.requests import Json
from sigtune.backend.routes import find_route


class LocalDriver:
    """A SigOpt in this process, over the SQLAlchemy database at `url`.

    `seed` decides every random choice: equal stores and equal seeds give equal suggestions. Raises UsageError
    (keys `sigopt.store`, `sigopt.seed`) when the store cannot be opened and written. A SQLite file is made by
    the first request that writes.
    """

    def __init__(self, url: str = "sqlite:///sigopt.db", seed: int = 0) -> None:
        self._api = Api(url, seed)

    def request(
        self,
        method: str,
        path: Sequence[str | int],
        data: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Json | None:
        """Answer one request of SigOpt's v1 API; raises ApiException with SigOpt's status codes.

        The header `X-Response-Content: skip` asks for no answer.
        """
        method = method.upper()
        route = find_route(method, [str(part) for part in path])
        answer = self._api.answer(route, method, _as_json(data))
        return None if (headers or {}).get("X-Response-Content") == "skip" else answer

    def close(self) -> None:
        """Close the store."""
        self._api.close()


def _as_json(data: Mapping[str, Any] | None) -> Any:
    try:
        return ApiObject.as_json(data or {})
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise bad_request(f"the request is not JSON: {error}") from error


def load_space_filling() -> None:
    """Import what the first suggestions are drawn with: half a second."""
    from sigtune.optimizer.suggest import load_space_filling as load

    load()


def load_models(observation_budget: int | None) -> None:
    """Import what the suggestions of such a budget are computed with: seconds, unless it is small."""
    from sigtune.optimizer.suggest import FIRST_MODELLED
    from sigtune.optimizer.suggest import load_models as load

    load(FIRST_MODELLED if observation_budget is None else observation_budget - 1)
