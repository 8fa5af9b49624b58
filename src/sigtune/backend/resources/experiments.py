"""Experiments: create, look up, list, update, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import selectinload

from sigtune.backend import clock
from sigtune.backend.definitions import define, shown_definition
from sigtune.backend.errors import bad_request
from sigtune.backend.lookup import check_client, experiment_of, find_project
from sigtune.backend.metadata import metadata_json, set_metadata
from sigtune.backend.pagination import PAGE, page_of
from sigtune.backend.progress import core_progress, run_progress
from sigtune.backend.requests import CLIENT_ID, Json, Request, one_of, query_number, text, whole_number
from sigtune.backend.resources.projects import given_project
from sigtune.backend.tables import (
    ConditionalRow,
    ConstraintTermRow,
    ExperimentMetadata,
    ExperimentRow,
    LinearConstraintRow,
    ParameterConditionRow,
    ParameterRow,
)
from sigtune.backend.updates import update_metrics, update_parameters
from sigtune.definition.experiment import ExperimentDefinition, definition_from_json
from sigtune.definition.parameters import PARAMETER_FIELDS, category_name, is_number
from sigtune.definition.validation import experiment_problems
from sigtune.errors import format_problems

STATES = ("active", "deleted")
LONGEST_NAME = 100

UPDATABLE = (
    "name",
    "project",
    "state",
    "observation_budget",
    "budget",
    "parallel_bandwidth",
    "metadata",
    "parameters",
    "metrics",
    "no_optimize",
)

AI_LISTED_BY = ("state", "search", "user", "period_start", "period_end", "sort", "development", *PAGE)
LISTED_BY = (*AI_LISTED_BY, "include_ai")


def create(request: Request) -> Json:
    """POST experiments. A 400 lists every problem of the definition."""
    data = dict(request.data)
    data.pop("no_optimize", None)
    return created(request, data, runs_only=False)


def create_for_client(request: Request) -> Json:
    """POST clients/ID/experiments."""
    check_client(request)
    return create(request)


def created(request: Request, data: Json, *, runs_only: bool) -> Json:
    """Store a new experiment and return it in its shape; raises a 400 that lists every problem."""
    data = {**data, "parameters": _as_given(data.get("parameters"))}
    problems = experiment_problems(data)
    if problems:
        raise bad_request("\n".join(["the experiment cannot be created:", *format_problems(problems)]))
    if _has_no_point(definition_from_json(data)):
        raise bad_request("linear_constraints: no point within the bounds meets all of them")
    experiment = ExperimentRow(
        name=text("name", data["name"], LONGEST_NAME),
        type=data.get("type") or "offline",
        runs_only=runs_only,
        project=given_project(request, data.get("project")),
        observation_budget=definition_from_json(data).observation_budget,
        parallel_bandwidth=data.get("parallel_bandwidth"),
        num_solutions=data.get("num_solutions"),
        created=clock.seconds(),
        updated=clock.microseconds(),
        revision=clock.microseconds(),
    )
    define(experiment, data)
    set_metadata(experiment, ExperimentMetadata, data.get("metadata"))
    request.session.add(experiment)
    request.session.flush()
    return experiment_json(request, experiment)


def detail(request: Request) -> Json:
    """GET experiments/ID; a deleted experiment can still be looked at."""
    return experiment_json(request, experiment_of(request))


def listing(request: Request) -> Json:
    """GET experiments: the active ones, or those of the state that is asked for."""
    include_ai = bool(request.flag("include_ai"))
    rows = select(ExperimentRow)
    return listed(request, rows if include_ai else rows.where(~ExperimentRow.runs_only))


def listing_for_client(request: Request) -> Json:
    """GET clients/ID/experiments."""
    check_client(request)
    return listing(request)


def listing_for_project(request: Request) -> Json:
    """GET clients/ID/projects/ID/experiments."""
    check_client(request)
    project = find_project(request.session, request.ids[1])
    rows = select(ExperimentRow).where(ExperimentRow.project_id == project.id)
    if not request.flag("include_ai"):
        rows = rows.where(~ExperimentRow.runs_only)
    return listed(request, rows)


def listed(request: Request, rows: Select[ExperimentRow]) -> Json:
    """Return the page of experiments that the query asks for: state, search, user, period and sort."""
    data = request.data
    request.flag("development")  # only its form can be wrong: a store has no experiments in development
    state = one_of("state", data.get("state") or "active", (*STATES, "all"))
    if state != "all":
        rows = rows.where(ExperimentRow.state == state)
    if data.get("search") is not None:
        words = str(data["search"]).strip().lower()
        rows = rows.where(func.lower(ExperimentRow.name).contains(words, autoescape=True))
    if data.get("user") is not None and str(query_number("user", data["user"], 0)) != CLIENT_ID:
        rows = rows.where(ExperimentRow.id < 0)
    for field, above in (("period_start", True), ("period_end", False)):
        if data.get(field) is not None:
            moment = query_number(field, data[field], 0)
            column = ExperimentRow.created
            rows = rows.where(column >= moment if above else column < moment)
    sort = one_of("sort", data.get("sort") or "id", ("id", "recent"))
    return page_of(
        request,
        _with_definitions(rows),
        ExperimentRow.id,
        lambda found: experiments_json(request, found),
        sort=[ExperimentRow.updated] if sort == "recent" else [],
    )


def update(request: Request) -> Json:
    """PUT experiments/ID."""
    data = request.only(*UPDATABLE)
    experiment = experiment_of(request, lock=True)
    if "name" in data:
        experiment.name = text("name", data["name"], LONGEST_NAME)
    if "project" in data:
        _set_project(request, experiment, data["project"])
    if "state" in data:
        experiment.state = one_of("state", data["state"], STATES)
    _set_budget(experiment, data)
    if "parallel_bandwidth" in data:
        bandwidth = data["parallel_bandwidth"]
        experiment.parallel_bandwidth = (
            None if bandwidth is None else whole_number("parallel_bandwidth", bandwidth, 1)
        )
    if "metadata" in data:
        set_metadata(experiment, ExperimentMetadata, data["metadata"])
    if "parameters" in data:
        update_parameters(experiment, _as_given(data["parameters"]))
    if "metrics" in data:
        update_metrics(experiment, data["metrics"])
    experiment.updated = clock.microseconds()
    if "parameters" in data or "metrics" in data:
        experiment.revision = experiment.updated
    request.session.flush()
    request.session.expire(experiment, ["parameters"])
    return experiment_json(request, experiment)


def delete(request: Request) -> Json:
    """DELETE experiments/ID: nothing is lost, and `update(state="active")` brings it back."""
    experiment = experiment_of(request, lock=True)
    experiment.state = "deleted"
    experiment.updated = clock.microseconds()
    return {}


def best_practices(request: Request) -> Json:
    """GET experiments/ID/best_practices: the embedded backend finds no fault with any experiment."""
    experiment_of(request)
    return {"object": "best_practices", "violations": []}


def experiment_json(request: Request, experiment: ExperimentRow) -> Json:
    """Return an experiment in SigOpt's shape, with its progress."""
    [shown] = experiments_json(request, [experiment])
    return shown


def experiments_json(request: Request, experiments: Sequence[ExperimentRow]) -> list[Json]:
    """Return experiments in SigOpt's shapes; their progress is read for all of them together."""
    core = [experiment for experiment in experiments if not experiment.runs_only]
    progress = core_progress(request.session, core)
    progress |= run_progress(request.session, [row for row in experiments if row.runs_only])
    return [_json(experiment, progress[experiment.id]) for experiment in experiments]


def _json(experiment: ExperimentRow, progress: Json) -> Json:
    kind: Json = {
        "object": "experiment",
        "development": False,
        "observation_budget": experiment.observation_budget,
    }
    if experiment.runs_only:
        kind = {"object": "aiexperiment", "budget": experiment.observation_budget}
    return {
        **kind,
        "id": str(experiment.id),
        "client": CLIENT_ID,
        "user": CLIENT_ID,
        "name": experiment.name,
        "project": experiment.project.reference if experiment.project else None,
        "state": experiment.state,
        "created": experiment.created,
        "updated": clock.whole_seconds(experiment.updated),
        "runs_only": experiment.runs_only,
        "metadata": metadata_json(experiment),
        "progress": progress,
        **shown_definition(experiment),
    }


def _set_project(request: Request, experiment: ExperimentRow, reference: Any) -> None:
    project = given_project(request, reference)
    if experiment.runs_only and project is not experiment.project:
        raise bad_request("project: an AI experiment stays in its project")
    experiment.project = project


def _set_budget(experiment: ExperimentRow, data: Json) -> None:
    field, other = ("observation_budget", "budget")
    if experiment.runs_only:
        field, other = other, field
    if other in data:
        raise bad_request(f"unknown field {other!r}; expected: {field}")
    if field not in data:
        return
    optimized = [metric for metric in experiment.metrics if metric.strategy == "optimize"]
    if experiment.type == "grid" or len(optimized) > 1 or (experiment.num_solutions or 1) > 1:
        raise bad_request(f"{field}: that of a grid, of two metrics or of several solutions is fixed")
    if data[field] is not None:
        experiment.observation_budget = whole_number(field, data[field], 1)
    elif experiment.runs_only:
        experiment.observation_budget = None


def _has_no_point(definition: ExperimentDefinition) -> bool:
    """Return whether the linear constraints leave nothing to suggest."""
    if not definition.linear_constraints:
        return False
    from sigtune.optimizer.polytope import has_no_point  # numpy, that most experiments do without

    return has_no_point(definition)


def _as_given(parameters: Any) -> Any:
    """Return the parameters without what SigOpt ignores in them.

    That is fields it does not know, and what its own answers add to a grid: its ends, and the names of
    categories once more.
    """
    if not isinstance(parameters, list):
        return parameters
    return [_parameter_as_given(item) if isinstance(item, Mapping) else item for item in parameters]


def _parameter_as_given(given: Mapping[str, Any]) -> Json:
    parameter = {key: value for key, value in given.items() if key in PARAMETER_FIELDS}
    grid, bounds = parameter.get("grid"), parameter.get("bounds")
    numbers = [item for item in grid if is_number(item)] if isinstance(grid, list) else []
    categories = parameter.get("categorical_values")
    if parameter.get("type") == "categorical" and categories and isinstance(categories, list):
        if grid == [category_name(value) for value in categories]:
            del parameter["grid"]
    elif numbers and isinstance(bounds, Mapping) and _ends(bounds) == (min(numbers), max(numbers)):
        del parameter["bounds"]
    return parameter


def _ends(bounds: Mapping[str, Any]) -> tuple[Any, Any]:
    return bounds.get("min"), bounds.get("max")


def _with_definitions(rows: Select[ExperimentRow]) -> Select[ExperimentRow]:
    """Load what an experiment's shape needs for all rows together, not row by row."""
    return rows.options(
        selectinload(ExperimentRow.project),
        selectinload(ExperimentRow.details),
        selectinload(ExperimentRow.metrics),
        selectinload(ExperimentRow.tasks),
        selectinload(ExperimentRow.conditionals).selectinload(ConditionalRow.values),
        selectinload(ExperimentRow.linear_constraints)
        .selectinload(LinearConstraintRow.terms)
        .selectinload(ConstraintTermRow.parameter),
        selectinload(ExperimentRow.parameters).options(
            selectinload(ParameterRow.grid),
            selectinload(ParameterRow.categories),
            selectinload(ParameterRow.conditions).selectinload(ParameterConditionRow.conditional),
        ),
    )
