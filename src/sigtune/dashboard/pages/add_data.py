"""Add data: one observation, or the lines of a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from sigopt.exception import ApiException
from starlette.responses import Response

from sigtune.dashboard.pages.assignments import AssignmentError, assignments_in, number_in
from sigtune.dashboard.pages.frame import (
    experiment_of,
    framed,
    path_of,
    waiting_suggestions,
    words_of,
)
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit, see_other
from sigtune.errors import UsageError
from sigtune.report.observations_csv import csv_observations

_BATCH = 500


def page(visit: Visit) -> Response:
    """GET /experiments/ID/add-data."""
    return _page(visit, experiment_of(visit))


def add(visit: Visit) -> Response:
    """POST /experiments/ID/add-data: an observation of an open suggestion, or of any assignments."""
    experiment = experiment_of(visit)
    try:
        body = _observation(visit.form, experiment)
        visit.source.post("experiments", experiment["id"], "observations", **body)
    except (AssignmentError, ApiException) as error:
        return _refused(visit, experiment, error)
    return see_other(f"{path_of(visit, 'add-data')}?said=added")


def add_csv(visit: Visit) -> Response:
    """POST /experiments/ID/add-data/csv: all lines, or none where one of them is wrong."""
    experiment = experiment_of(visit)
    try:
        observations = csv_observations(visit.form.get("csv", ""), experiment)
        if not observations:
            raise AssignmentError("the CSV has no line below its headings")
        for first in range(0, len(observations), _BATCH):
            batch = observations[first : first + _BATCH]
            visit.source.post("experiments", experiment["id"], "observations", "batch", observations=batch)
    except (AssignmentError, UsageError, ApiException) as error:
        return _refused(visit, experiment, error)
    return see_other(f"{path_of(visit, 'add-data')}?said=imported")


def _observation(form: Mapping[str, str], experiment: Json) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if form.get("suggestion"):
        body["suggestion"] = form["suggestion"]
    else:
        body["assignments"] = assignments_in(form, experiment)
        if form.get("task"):
            body["task"] = form["task"]
    if form.get("failed"):
        body["failed"] = True
        if form.get("reason"):
            body["metadata"] = {"reason": form["reason"]}
    else:
        body["values"] = [_value(form, metric["name"]) for metric in experiment["metrics"]]
    return body


def _value(form: Mapping[str, str], metric: str | None) -> dict[str, Any]:
    name = metric or "value"
    value: dict[str, Any] = {"value": number_in(name, form.get(f"metric:{name}", "").strip())}
    if metric is not None:
        value["name"] = metric
    deviation = form.get(f"stddev:{name}", "").strip()
    if deviation:
        value["value_stddev"] = number_in(f"{name}, standard deviation", deviation)
    return value


def _refused(visit: Visit, experiment: Json, error: Exception) -> Response:
    if isinstance(error, ApiException) and error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise error
    return _page(visit, experiment, words_of(error), 400)


def _page(visit: Visit, experiment: Json, wrong: str = "", status: int = 200) -> Response:
    waiting = waiting_suggestions(visit, experiment)
    return framed(
        visit, experiment, "add_data.html", status=status, tab="add-data", wrong=wrong, waiting=waiting
    )
