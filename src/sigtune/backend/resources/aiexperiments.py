"""AI experiments: those of the client's module interface, whose results come from training runs."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy import update as update_rows

from sigtune.backend.errors import bad_request, not_found
from sigtune.backend.lookup import check_client, experiment_of, find_project
from sigtune.backend.requests import Json, Request
from sigtune.backend.resources import experiments
from sigtune.backend.tables import ExperimentRow, TrainingRunRow

UNKNOWN = ("observation_budget", "project", "tasks")
"""The fields of an experiment that an AI experiment has not."""


def create(request: Request) -> Json:
    """POST clients/ID/projects/ID/aiexperiments: its budget counts runs, and each metric has a name."""
    check_client(request)
    project = find_project(request.session, request.ids[1])
    data = dict(request.data)
    for field in UNKNOWN:
        if data.get(field):
            raise bad_request(f"unknown field {field!r} of an AI experiment; expected: budget")
    metrics = data.get("metrics")
    if not isinstance(metrics, list) or not metrics:
        raise bad_request("metrics: expected a list of at least one metric")
    if any(isinstance(metric, dict) and not metric.get("name") for metric in metrics):
        raise bad_request("metrics: each metric of an AI experiment has a name")
    budget = {"observation_budget": data.pop("budget", None), "project": project.reference}
    data.pop("no_optimize", None)
    return experiments.created(request, {**data, **budget}, runs_only=True)


def detail(request: Request) -> Json:
    """GET aiexperiments/ID."""
    return experiments.experiment_json(request, aiexperiment_of(request))


def listing(request: Request) -> Json:
    """GET aiexperiments."""
    return experiments.listed(request, select(ExperimentRow).where(ExperimentRow.runs_only))


def listing_for_client(request: Request) -> Json:
    """GET clients/ID/aiexperiments."""
    check_client(request)
    return listing(request)


def listing_for_project(request: Request) -> Json:
    """GET clients/ID/projects/ID/aiexperiments."""
    check_client(request)
    project = find_project(request.session, request.ids[1])
    rows = select(ExperimentRow).where(ExperimentRow.runs_only, ExperimentRow.project_id == project.id)
    return experiments.listed(request, rows)


def update(request: Request) -> Json:
    """PUT aiexperiments/ID."""
    aiexperiment_of(request)
    return experiments.update(request)


def delete(request: Request) -> Json:
    """DELETE aiexperiments/ID, with include_runs=true its runs too."""
    experiment = aiexperiment_of(request)
    if request.flag("include_runs"):
        of_experiment = TrainingRunRow.experiment_id == experiment.id
        request.session.execute(update_rows(TrainingRunRow).where(of_experiment).values(deleted=True))
    return experiments.delete(request)


def aiexperiment_of(request: Request) -> ExperimentRow:
    """Return the AI experiment of the path; raises a 404 for any other."""
    experiment = experiment_of(request)
    if not experiment.runs_only:
        raise not_found(f"experiment {experiment.id} is not an AI experiment")
    return experiment
