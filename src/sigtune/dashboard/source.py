"""The SigOpt that the pages read and write, as JSON: the official client's driver without its objects.

The client wraps every number of an answer in an object: most of the time that 10,000 observations take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

Json: TypeAlias = dict[str, Any]


class Driver(Protocol):
    """What the official client sends its requests through."""

    def request(
        self,
        method: str,
        path: Sequence[str | int],
        data: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Answer one request; raises ApiException, or ConnectionException where nobody answers."""


@dataclass(frozen=True)
class Source:
    """A SigOpt, asked for JSON. Its errors are the client's ApiException and ConnectionException."""

    driver: Driver

    def get(self, *path: str, **query: Any) -> Json:
        """Return what is at the path."""
        return self._ask("GET", path, query)

    def post(self, *path: str, **body: Any) -> Json:
        """Create something below the path, and return it."""
        return self._ask("POST", path, body)

    def put(self, *path: str, **body: Any) -> Json:
        """Change what is at the path, and return it."""
        return self._ask("PUT", path, body)

    def delete(self, *path: str) -> None:
        """Delete what is at the path."""
        self.driver.request("DELETE", path, {}, {})

    def all(self, *path: str, **query: Any) -> list[Json]:
        """Return every item of a list, of all its pages, in the order in which they come."""
        page = self.get(*path, **query)
        items: list[Json] = page["data"]
        while page["paging"]["before"]:
            page = self.get(*path, before=page["paging"]["before"], **query)
            items.extend(page["data"])
        return items

    def client(self) -> str:
        """Return the id of the client that the token belongs to, which projects are below."""
        return str(self.get("tokens", "self")["client"])

    def _ask(self, method: str, path: Sequence[str], data: Mapping[str, Any]) -> Json:
        answer = self.driver.request(method, path, data, {})
        assert isinstance(answer, dict)
        return answer
