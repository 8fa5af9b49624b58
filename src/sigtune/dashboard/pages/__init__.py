"""Which handler answers which path: a module for each page."""

from __future__ import annotations

from sigtune.dashboard.pages import (
    add_data,
    analysis,
    compare,
    curves,
    experiments,
    history,
    job,
    properties,
    suggestions,
    summary,
)
from sigtune.dashboard.visit import Handler

_EXPERIMENT = "/experiments/{experiment}"

ROUTES: list[tuple[str, str, Handler]] = [
    ("/", "GET", experiments.page),
    ("/updated.json", "GET", experiments.updated),
    ("/compare", "GET", compare.page),
    ("/compare.json", "GET", compare.data),
    (_EXPERIMENT, "GET", summary.page),
    (f"{_EXPERIMENT}/updated.json", "GET", summary.updated),
    (f"{_EXPERIMENT}/state", "POST", properties.set_state),
    (f"{_EXPERIMENT}/analysis", "GET", analysis.page),
    (f"{_EXPERIMENT}/table.json", "GET", analysis.table),
    (f"{_EXPERIMENT}/series/{{name}}.json", "GET", analysis.series),
    (f"{_EXPERIMENT}/history", "GET", history.page),
    (f"{_EXPERIMENT}/observations.json", "GET", history.data),
    (f"{_EXPERIMENT}/observations.csv", "GET", history.csv_file),
    (f"{_EXPERIMENT}/suggestions", "GET", suggestions.page),
    (f"{_EXPERIMENT}/suggestions", "POST", suggestions.ask),
    (f"{_EXPERIMENT}/suggestions/{{suggestion}}/delete", "POST", suggestions.delete),
    (f"{_EXPERIMENT}/queue", "POST", suggestions.queue),
    (f"{_EXPERIMENT}/queue/{{queued}}/delete", "POST", suggestions.take_from_queue),
    (f"{_EXPERIMENT}/add-data", "GET", add_data.page),
    (f"{_EXPERIMENT}/add-data", "POST", add_data.add),
    (f"{_EXPERIMENT}/add-data/csv", "POST", add_data.add_csv),
    (f"{_EXPERIMENT}/properties", "GET", properties.page),
    (f"{_EXPERIMENT}/properties", "POST", properties.change),
    (f"{_EXPERIMENT}/definition.yaml", "GET", properties.definition_file),
    (f"{_EXPERIMENT}/jobs/{{job}}", "GET", job.page),
    (f"{_EXPERIMENT}/jobs/{{job}}/confusion.json", "GET", job.confusion),
    (f"{_EXPERIMENT}/observations/{{observation}}", "GET", job.observation_page),
    (f"{_EXPERIMENT}/curves", "GET", curves.page),
    (f"{_EXPERIMENT}/curves.json", "GET", curves.data),
]
