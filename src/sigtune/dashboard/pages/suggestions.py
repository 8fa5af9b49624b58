"""Suggestions: those that are open, the queue, and the ways to add one."""

from __future__ import annotations

from http import HTTPStatus

from sigopt.exception import ApiException
from starlette.responses import Response

from sigtune.dashboard.pages.assignments import AssignmentError, assignments_in
from sigtune.dashboard.pages.frame import (
    experiment_of,
    framed,
    path_of,
    queued_suggestions,
    waiting_suggestions,
    words_of,
)
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit, see_other


def page(visit: Visit) -> Response:
    """GET /experiments/ID/suggestions."""
    return _page(visit, experiment_of(visit))


def ask(visit: Visit) -> Response:
    """POST /experiments/ID/suggestions: have the next point suggested; it stays open until it is observed."""
    visit.source.post("experiments", visit.ids["experiment"], "suggestions")
    return see_other(f"{path_of(visit, 'suggestions')}?said=suggested")


def delete(visit: Visit) -> Response:
    """POST /experiments/ID/suggestions/ID/delete."""
    visit.source.delete("experiments", visit.ids["experiment"], "suggestions", visit.ids["suggestion"])
    return see_other(f"{path_of(visit, 'suggestions')}?said=deleted")


def queue(visit: Visit) -> Response:
    """POST /experiments/ID/queue: have a point suggested before those that the optimizer chooses."""
    experiment = experiment_of(visit)
    try:
        body: Json = {"assignments": assignments_in(visit.form, experiment)}
        if visit.form.get("task"):
            body["task"] = visit.form["task"]
        visit.source.post("experiments", experiment["id"], "queued_suggestions", **body)
    except (AssignmentError, ApiException) as error:
        if isinstance(error, ApiException) and error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return _page(visit, experiment, words_of(error), 400)
    return see_other(f"{path_of(visit, 'suggestions')}?said=queued")


def take_from_queue(visit: Visit) -> Response:
    """POST /experiments/ID/queue/ID/delete."""
    visit.source.delete("experiments", visit.ids["experiment"], "queued_suggestions", visit.ids["queued"])
    return see_other(f"{path_of(visit, 'suggestions')}?said=taken")


def _page(visit: Visit, experiment: Json, wrong: str = "", status: int = 200) -> Response:
    return framed(
        visit,
        experiment,
        "suggestions.html",
        status=status,
        tab="suggestions",
        wrong=wrong,
        waiting=waiting_suggestions(visit, experiment),
        queued=queued_suggestions(visit, experiment),
    )
