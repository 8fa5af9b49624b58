"""Projects and experiments: the first page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from sigtune.dashboard.observations import digest
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit

_PAGE = 50
_STATES = ("active", "deleted", "all")


def page(visit: Visit) -> Response:
    """GET /: the experiments of a project, or of all, the last changed first."""
    client = visit.source.client()
    asked, listed = _listed(visit, client)
    before = listed["paging"]["before"]
    return visit.page(
        "experiments.html",
        experiments=[row_of(experiment) for experiment in listed["data"]],
        count=listed["count"],
        projects=visit.source.all("clients", client, "projects"),
        asked=asked,
        query=str(visit.query),
        older=urlencode({**asked, "before": before}) if before else None,
    )


def updated(visit: Visit) -> Response:
    """GET /updated.json: a version of the list that the query asks for."""
    _asked, listed = _listed(visit, visit.source.client())
    return JSONResponse({"version": digest(listed)})


def _listed(visit: Visit, client: str) -> tuple[dict[str, str], Json]:
    """Return what is asked for, and the page of experiments that it asks for."""
    asked = {name: visit.query.get(name, "") for name in ("search", "project", "state", "before")}
    if asked["state"] not in _STATES:
        asked["state"] = "active"
    query = {"state": asked["state"], "sort": "recent", "limit": _PAGE}
    query |= {name: asked[name] for name in ("search", "before") if asked[name]}
    return asked, visit.source.get(*_place(client, asked["project"]), **query)


def _place(client: str, project: str) -> tuple[str, ...]:
    return ("clients", client, "projects", project, "experiments") if project else ("experiments",)


def row_of(experiment: Json) -> Json:
    """Return an experiment with what a list shows of it: its best values, and how far it is."""
    return {"experiment": experiment, "best": best_values(experiment), **progress_of(experiment)}


def best_values(experiment: Json) -> list[Json]:
    """Return the values of the metrics that are optimized, of the best observation so far."""
    best = experiment["progress"].get("best_observation")
    optimized = {metric["name"] for metric in experiment["metrics"] if metric["strategy"] == "optimize"}
    return [value for value in (best or {}).get("values", []) if value["name"] in optimized]


def progress_of(experiment: Json) -> dict[str, Any]:
    """Return how far an experiment is: consumed, budget, the percentage, and a word for it."""
    progress, budget = experiment["progress"], experiment.get("observation_budget")
    count = progress.get("observation_count", 0)
    consumed = progress.get("observation_budget_consumed", count)
    if experiment["state"] != "active":
        word = "archived"
    elif count == 0:
        word = "new"
    else:
        word = "finished" if budget is not None and consumed >= budget else "in progress"
    percent = None if not budget else min(100, round(100 * consumed / budget))
    return {"count": count, "consumed": consumed, "budget": budget, "percent": percent, "word": word}
