"""A request as the handler of a page sees it, and the page that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.datastructures import QueryParams
from starlette.responses import RedirectResponse, Response

from sigtune.dashboard.access import Session
from sigtune.dashboard.observations import ObservationCache
from sigtune.dashboard.source import Source
from sigtune.dashboard.templates import templates


class Site:
    """What all requests share: the templates, and the observations that are kept."""

    def __init__(self) -> None:
        self.observations = ObservationCache()
        self._templates = templates()

    def html(self, template: str, **values: Any) -> str:
        """Return a template's text; whatever is put into it is escaped."""
        return self._templates.get_template(template).render(**values)


@dataclass(frozen=True)
class Visit:
    """One request: who asks, the ids in the path, the query, and the form of a write."""

    site: Site
    session: Session
    path: str
    ids: Mapping[str, str]
    query: QueryParams
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """The SigOpt that this visitor may ask."""
        return self.session.source

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page."""
        text = self.site.html(template, visit=self, session=self.session, **values)
        return Response(text, status, media_type="text/html")


Handler: TypeAlias = Callable[[Visit], Response]


def see_other(path: str) -> Response:
    """Return the answer to a write that was done: look there."""
    return RedirectResponse(path, 303)
