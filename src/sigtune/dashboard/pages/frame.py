"""What the pages of one experiment have in common: the experiment itself, and the search's folder."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sigtune.dashboard.observations import Observations, digest
from sigtune.dashboard.pages.experiments import progress_of
from sigtune.dashboard.search_folder import SearchFolder
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit

SAID = {
    "archived": "The experiment is archived: it is no longer in the lists, and nothing of it is lost.",
    "active": "The experiment is active again.",
    "saved": "Saved.",
    "queued": "Queued: the next suggestion will be this one.",
    "taken": "Taken out of the queue.",
    "deleted": "The suggestion is deleted.",
    "suggested": "There is a new suggestion.",
    "added": "The observation is added.",
    "imported": "The observations are added.",
}
"""What a page says after a write, by the word for it in the address."""


def words_of(error: Exception) -> str:
    """Return what is wrong as a page says it; the client's error has its status code before that."""
    return str(getattr(error, "message", None) or error)


def experiment_of(visit: Visit) -> Json:
    """Return the experiment that the path names."""
    return visit.source.get("experiments", visit.ids["experiment"])


def path_of(visit: Visit, *parts: str) -> str:
    """Return the address of a page of the experiment."""
    return "/".join(["/experiments", visit.ids["experiment"], *parts])


def observations_of(visit: Visit, experiment: Json) -> Observations:
    """Return all observations of an experiment that was just read."""
    return visit.site.observations.get(visit.source, experiment)


def waiting_suggestions(visit: Visit, experiment: Json) -> list[Json]:
    """Return the open suggestions, the oldest first."""
    found = visit.source.all("experiments", experiment["id"], "suggestions", state="open")
    return sorted(found, key=lambda suggestion: int(suggestion["id"]))


def queued_suggestions(visit: Visit, experiment: Json) -> list[Json]:
    """Return what is queued, the first to be served first."""
    found = visit.source.all("experiments", experiment["id"], "queued_suggestions")
    return sorted(found, key=lambda queued: int(queued["id"]))


def state_version(visit: Visit, experiment: Json, folder: SearchFolder | None) -> str:
    """Return a short text that is another once anything that the experiment's pages show has changed."""
    place = ("experiments", experiment["id"])
    waiting = visit.source.get(*place, "suggestions", state="open", limit=1)
    queued = visit.source.get(*place, "queued_suggestions", limit=1)
    newest = [(page["count"], [item["id"] for item in page["data"]]) for page in (waiting, queued)]
    searched = [folder.version, folder.open_runs_version()] if folder else []
    return digest(experiment, newest, searched)


def framed(visit: Visit, experiment: Json, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page of the experiment."""
    return visit.page(
        template,
        status,
        experiment=experiment,
        progress=progress_of(experiment),
        said=SAID.get(visit.query.get("said", "")),
        home=path_of(visit),
        **values,
    )
