"""Experiments: create, look up, list, update, archive."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sigtune.backend.errors import bad_request
from sigtune.backend.lookup import experiment_of
from sigtune.backend.metadata import metadata_json, metadata_rows, update_metadata
from sigtune.backend.pagination import PAGING_FIELDS, page_of
from sigtune.backend.requests import CLIENT_ID, Json, Request, one_of, whole_number
from sigtune.backend.resources import projects
from sigtune.backend.resources.not_stored import not_stored_problems
from sigtune.backend.resources.observations import progress_json
from sigtune.backend.tables import (
    CategoricalValueRow,
    ExperimentMetadata,
    ExperimentRow,
    GridValueRow,
    MetricRow,
    ParameterRow,
    ProjectRow,
)
from sigtune.definition.metrics import metric_object
from sigtune.definition.parameters import parameter_from_json, parse_value
from sigtune.definition.validation import experiment_problems
from sigtune.errors import format_problems

STATES = ("active", "deleted")


def create(request: Request) -> Json:
    """POST experiments. A 400 lists every problem of the definition."""
    problems = experiment_problems(request.data) or not_stored_problems(request.data)
    if problems:
        raise bad_request("\n".join(["the experiment cannot be created:", *format_problems(problems)]))
    data, now = request.data, int(time.time())
    experiment = ExperimentRow(
        name=data["name"],
        project=_project(request.session, data.get("project")),
        observation_budget=data.get("observation_budget"),
        parallel_bandwidth=data.get("parallel_bandwidth"),
        parameters=[_parameter_row(index, item) for index, item in enumerate(data["parameters"])],
        metrics=[_metric_row(index, metric_object(item)) for index, item in enumerate(data["metrics"])],
        details=metadata_rows(ExperimentMetadata, data.get("metadata")),
        created=now,
        updated=now,
    )
    request.session.add(experiment)
    request.session.flush()
    return experiment_json(request.session, experiment)


def create_for_client(request: Request) -> Json:
    """POST clients/ID/experiments."""
    projects.check_client(request)
    return create(request)


def detail(request: Request) -> Json:
    """GET experiments/ID; an archived experiment can still be looked at."""
    request.only()
    return experiment_json(request.session, experiment_of(request))


def listing(request: Request) -> Json:
    """GET experiments: the active ones, or those of the state that is asked for."""
    data = request.only("state", *PAGING_FIELDS)
    state = one_of("state", data.get("state") or "active", STATES)
    rows = select(ExperimentRow).where(ExperimentRow.state == state)
    if len(request.ids) > 1:
        project = projects.find(request.session, request.ids[1])
        rows = rows.where(ExperimentRow.project_id == project.id)
    return page_of(request, rows, ExperimentRow.id, lambda row: experiment_json(request.session, row))


def listing_for_client(request: Request) -> Json:
    """GET clients/ID/experiments and clients/ID/projects/ID/experiments."""
    projects.check_client(request)
    return listing(request)


def update(request: Request) -> Json:
    """PUT experiments/ID; parameters and metrics are fixed once suggestions depend on them."""
    fields = ("name", "project", "observation_budget", "parallel_bandwidth", "state", "metadata")
    data = request.only(*fields)
    experiment = experiment_of(request, lock=True)
    if "name" in data:
        if not isinstance(data["name"], str) or not data["name"].strip():
            raise bad_request(f"name: expected a name, got {data['name']!r}")
        experiment.name = data["name"]
    if "project" in data:
        experiment.project = _project(request.session, data["project"])
    for field in ("observation_budget", "parallel_bandwidth"):
        if field in data:
            value = data[field]
            setattr(experiment, field, None if value is None else whole_number(field, value, 1))
    if "state" in data:
        experiment.state = one_of("state", data["state"], STATES)
    if "metadata" in data:
        update_metadata(experiment.details, ExperimentMetadata, data["metadata"])
    experiment.updated = int(time.time())
    return experiment_json(request.session, experiment)


def delete(request: Request) -> Json:
    """DELETE experiments/ID archives it: nothing is lost, and `update(state="active")` brings it back."""
    request.only()
    experiment = experiment_of(request, lock=True)
    experiment.state = "deleted"
    experiment.updated = int(time.time())
    return {}


def experiment_json(session: Session, experiment: ExperimentRow) -> Json:
    """Return an experiment in SigOpt's shape, with its progress."""
    return {
        "object": "experiment",
        "id": str(experiment.id),
        "client": CLIENT_ID,
        "user": None,
        "name": experiment.name,
        "project": experiment.project.reference if experiment.project else None,
        "type": "offline",
        "state": experiment.state,
        "development": False,
        "created": experiment.created,
        "updated": experiment.updated,
        "parameters": [_parameter_json(row) for row in experiment.parameters],
        "metrics": [_metric_json(row) for row in experiment.metrics],
        "observation_budget": experiment.observation_budget,
        "parallel_bandwidth": experiment.parallel_bandwidth,
        "num_solutions": None,
        "conditionals": [],
        "linear_constraints": [],
        "metadata": metadata_json(experiment.details),
        "progress": progress_json(session, experiment),
    }


def _project(session: Session, reference: str | None) -> ProjectRow | None:
    if reference is None:
        return None
    project = session.scalar(select(ProjectRow).where(ProjectRow.reference == reference))
    if project is None:
        raise bad_request(f"project: no project {reference}; create it first")
    return project


def _parameter_row(position: int, definition: Mapping[str, Any]) -> ParameterRow:
    parameter = parameter_from_json(definition)
    default = parameter.default
    if default is not None:
        default = parse_value(parameter, default, within_bounds=False)
    low, high = parameter.bounds or (None, None)
    return ParameterRow(
        position=position,
        name=parameter.name,
        type=parameter.type,
        minimum=low,
        maximum=high,
        transformation="log" if parameter.log else None,
        default_number=None if isinstance(default, str) else default,
        default_category=default if isinstance(default, str) else None,
        grid=[GridValueRow(position=index, value=value) for index, value in enumerate(parameter.grid or ())],
        categories=[
            CategoricalValueRow(enum_index=index, name=name)
            for index, name in enumerate(parameter.categories or (), start=1)
        ],
    )


def _metric_row(position: int, definition: Mapping[str, Any]) -> MetricRow:
    return MetricRow(
        position=position,
        name=definition["name"],
        objective=definition.get("objective") or "maximize",
        strategy=definition.get("strategy") or "optimize",
        threshold=definition.get("threshold"),
    )


def _parameter_json(row: ParameterRow) -> Json:
    number = int if row.type == "int" else float
    default = row.default_category if row.default_number is None else number(row.default_number)
    parameter: Json = {
        "object": "parameter",
        "name": row.name,
        "type": row.type,
        "bounds": None,
        "categorical_values": None,
        "transformation": row.transformation,
        "default_value": default,
        "conditions": {},
        "prior": None,
    }
    if row.minimum is not None and row.maximum is not None:
        bounds = {"min": number(row.minimum), "max": number(row.maximum)}
        parameter["bounds"] = {"object": "bounds", **bounds}
    if row.grid:
        parameter["grid"] = [number(step.value) for step in row.grid]
    if row.categories:
        parameter["categorical_values"] = [
            {"object": "categorical_value", "name": value.name, "enum_index": value.enum_index}
            for value in row.categories
        ]
    return parameter


def _metric_json(row: MetricRow) -> Json:
    return {
        "object": "metric",
        "name": row.name,
        "objective": row.objective,
        "strategy": row.strategy,
        "threshold": row.threshold,
    }
