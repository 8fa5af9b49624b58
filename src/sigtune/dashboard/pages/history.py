"""History: every observation in a table, and as a CSV file."""

from __future__ import annotations

import io
from typing import Any

from starlette.responses import JSONResponse, Response

from sigtune.dashboard.pages.frame import experiment_of, framed, observations_of
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit
from sigtune.report.observations_csv import write_csv


def page(visit: Visit) -> Response:
    """GET /experiments/ID/history: the table's frame; history.js fills it."""
    return framed(visit, experiment_of(visit), "history.html", tab="history")


def data(visit: Visit) -> Response:
    """GET /experiments/ID/observations.json: the rows, or with `reading` and `from` those that came since."""
    experiment = experiment_of(visit)
    observations = observations_of(visit, experiment)
    begin = 0
    if visit.query.get("reading") == observations.reading and visit.query.get("from", "").isdecimal():
        begin = int(visit.query["from"])
    columns = _columns(experiment)
    rows = [
        _row(number, item, columns) for number, item in enumerate(observations.items[begin:], start=begin + 1)
    ]
    best = [observation.number for observation in observations.results.best]
    shown = {"columns": columns, "reading": observations.reading, "from": begin, "rows": rows, "best": best}
    return JSONResponse(shown)


def csv_file(visit: Visit) -> Response:
    """GET /experiments/ID/observations.csv: what `sigtune export ID --format csv` writes."""
    experiment = experiment_of(visit)
    file = io.StringIO(newline="")
    write_csv(file, experiment, observations_of(visit, experiment).items)
    name = f"experiment-{int(experiment['id'])}.csv"
    return Response(
        file.getvalue(),
        media_type="text/csv",
        headers={"content-disposition": f"attachment; filename={name}"},
    )


def _columns(experiment: Json) -> list[Json]:
    """Return the columns after number, id, job, time and reason: metrics, then assignments."""
    metrics = [
        {"role": "metric", "name": metric["name"] or "value", "is_number": True}
        for metric in experiment["metrics"]
    ]
    task = [{"role": "task", "name": "task", "is_number": False}] if experiment.get("tasks") else []
    chosen = [
        {"role": "parameter", "name": item["name"], "is_number": False} for item in experiment["conditionals"]
    ]
    parameters = [
        {"role": "parameter", "name": item["name"], "is_number": item["type"] != "categorical"}
        for item in experiment["parameters"]
    ]
    return [*metrics, *task, *chosen, *parameters]


def _row(number: int, item: Json, columns: list[Json]) -> list[Any]:
    """Return number, id, job, time, the reason of a failure ("" of a success), and a cell for each column."""
    metadata = item["metadata"] or {}
    values = {value["name"] or "value": value["value"] for value in item["values"]}
    task = item.get("task")
    cells = {
        "metric": values.get,
        "parameter": item["assignments"].get,
        "task": lambda _name: task["name"] if task else None,
    }
    reason = str(metadata.get("reason") or "failed") if item["failed"] else ""
    shown = [cells[column["role"]](column["name"]) for column in columns]
    return [number, item["id"], metadata.get("job"), item["created"], reason, *shown]
