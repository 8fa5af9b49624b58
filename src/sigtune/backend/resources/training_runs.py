"""Training runs: create, look up, list, update, delete; and how they become observations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sigopt.exception import ApiException
from sqlalchemy import Select, func, select
from sqlalchemy.orm import selectinload

from sigtune.backend import clock
from sigtune.backend.errors import bad_request, forbidden, not_found
from sigtune.backend.lookup import check_client, experiment_of, find_project, run_of
from sigtune.backend.observed import best_observations
from sigtune.backend.pagination import PAGE, page_of, pagination
from sigtune.backend.points import assignments_json, parse_assignments, point_row
from sigtune.backend.requests import (
    Call,
    Json,
    Request,
    boolean,
    list_of_mappings,
    one_of,
    only_fields,
)
from sigtune.backend.resources.observations import add_observation
from sigtune.backend.resources.projects import given_project
from sigtune.backend.run_fields import RUN_FIELDS, apply_fields, run_json
from sigtune.backend.run_queries import defined_fields, filtered, sort_key
from sigtune.backend.serving import add_suggestion, serve
from sigtune.backend.tables import (
    CheckpointRow,
    ExperimentRow,
    MetricValueRow,
    PointRow,
    ProjectRow,
    SuggestionRow,
    TrainingRunRow,
)
from sigtune.backend.views import definition_of

MOST_IN_A_BATCH = 10_000
LISTED_BY = ("filters", "search", "sort", *PAGE)
_SOURCE = "SigOpt"


def create_in_project(request: Request) -> Json:
    """POST clients/ID/projects/ID/training_runs."""
    check_client(request)
    run = _new_run(find_project(request.session, request.ids[1]), request.data)
    request.session.add(run)
    request.session.flush()
    return run_json(run, 0)


def create_batch(request: Request) -> Json:
    """POST clients/ID/projects/ID/training_runs/batch: all of them, or none if one is refused."""
    check_client(request)
    project = find_project(request.session, request.ids[1])
    given = list_of_mappings("runs", request.data.get("runs") or [])
    if len(given) > MOST_IN_A_BATCH:
        raise bad_request(f"runs: {len(given)} are more than {MOST_IN_A_BATCH}")
    runs = [_new_run(project, item) for item in given]
    request.session.add_all(runs)
    request.session.flush()
    fields = str(request.data.get("fields") or "")
    shapes = [run_json(run, 0) for run in runs]
    if fields:
        shapes = [{name: shape[name] for name in fields.split(",") if name in shape} for shape in shapes]
    return pagination(shapes, len(shapes))


def create_in_experiment(call: Call) -> Json:
    """POST aiexperiments/ID/training_runs: at its own assignments, or at those that are served to it.

    A run that is finished when it is created is an observation at once, if its assignments allow it.
    """
    with call.reading() as request:
        experiment = _experiment_for_runs(request)
        given = call.data.get("assignments")
        own = isinstance(given, dict) and bool(_names(experiment) & given.keys())
    if own or call.data.get("state") in ("completed", "failed"):
        with call.writing() as request:
            return _created_at_own(request)
    return serve(call, _experiment_for_runs, lambda request, suggestion: None, _run_on)


def detail(request: Request) -> Json:
    """GET training_runs/ID."""
    return _shown(request, run_of(request))


def listing_for_client(request: Request) -> Json:
    """GET clients/ID/training_runs."""
    check_client(request)
    return _listed(request, select(TrainingRunRow))


def listing_for_project(request: Request) -> Json:
    """GET clients/ID/projects/ID/training_runs; deleted runs are in it."""
    check_client(request)
    project = find_project(request.session, request.ids[1])
    return _listed(request, select(TrainingRunRow).where(TrainingRunRow.project_id == project.id))


def best_listing(request: Request) -> Json:
    """GET aiexperiments/ID/best_training_runs: those of the best observations."""
    experiment = experiment_of(request)
    if not experiment.runs_only:
        raise not_found(f"experiment {experiment.id} is not an AI experiment")
    sort = one_of("sort", request.data.get("sort") or "updated", ("created", "updated"))
    ids = [observation.id for observation in best_observations(request.session, experiment)]
    rows = select(TrainingRunRow).where(TrainingRunRow.observation_id.in_(ids))

    def shapes(found: Sequence[TrainingRunRow]) -> list[Json]:
        return _shapes(request, sorted(found, key=lambda run: ids.index(run.observation_id or 0)))

    keys = [TrainingRunRow.updated] if sort == "updated" else []
    return page_of(request, _with_details(rows), TrainingRunRow.id, shapes, sort=keys)


def update(request: Request) -> Json:
    """PUT training_runs/ID: exchange the fields that are given."""
    return _updated(request, merge=False)


def merge(request: Request) -> Json:
    """MERGE training_runs/ID: add to the fields that hold many things by name, exchange the others."""
    return _updated(request, merge=True)


def delete(request: Request) -> Json:
    """DELETE training_runs/ID: `update(deleted=False)` brings it back."""
    run = run_of(request, lock=True)
    run.deleted = True
    run.updated = clock.microseconds()
    return _shown(request, run)


def _new_run(project: ProjectRow, data: Any, experiment: ExperimentRow | None = None) -> TrainingRunRow:
    fields = only_fields(data, *RUN_FIELDS)
    if "project" in data:
        raise bad_request("unknown field 'project': the path says in which project a run is created")
    if "name" not in data:
        raise bad_request("name: missing")
    boolean("deleted", fields.get("deleted"))
    run = TrainingRunRow(
        project=project,
        experiment_id=None if experiment is None else experiment.id,
        state="active",
        deleted=False,
        favorite=False,
        created=clock.seconds(),
        updated=clock.microseconds(),
    )
    apply_fields(run, data, merge=False)
    return run


def _experiment_for_runs(request: Request) -> ExperimentRow:
    """Return the AI experiment of the path, locked; raises a 400 where it is deleted, a 403 for any other."""
    experiment = experiment_of(request, lock=True)
    if experiment.state != "active":
        raise bad_request(f"experiment {experiment.id} is deleted")
    if not experiment.runs_only or experiment.project is None:
        raise forbidden(f"experiment {experiment.id} is not an AI experiment: it takes observations")
    _new_run(experiment.project, request.data)  # what is wrong with it is said before a suggestion is drawn
    return experiment


def _run_on(request: Request, experiment: ExperimentRow, suggestion: SuggestionRow) -> Json:
    """Create the run of a suggestion, with its assignments among the run's own."""
    assert experiment.project is not None
    run = _new_run(experiment.project, request.data, experiment)
    run.suggestion_id = suggestion.id
    assignments = assignments_json(experiment, suggestion.point)
    sources = {_SOURCE: {"sort": 1, "default_show": True}}
    apply_fields(
        run,
        {
            "assignments": assignments,
            "assignments_meta": {name: {"source": _SOURCE} for name in assignments},
            "assignments_sources": sources,
        },
        merge=True,
    )
    request.session.add(run)
    request.session.flush()
    return run_json(run, 0)


def _created_at_own(request: Request) -> Json:
    experiment = _experiment_for_runs(request)
    assert experiment.project is not None
    point = _own_point(experiment, request.data.get("assignments") or {})
    if point is not None and request.data.get("state", "active") == "active":
        suggestion = add_suggestion(request.session, experiment, point, computed=False)
        request.session.flush()
        return _run_on(request, experiment, suggestion)
    run = _new_run(experiment.project, request.data, experiment)
    request.session.add(run)
    request.session.flush()
    if point is not None:
        _observe(request, experiment, run, point)
    return run_json(run, 0)


def _names(experiment: ExperimentRow) -> set[str]:
    return {row.name for row in experiment.parameters} | {row.name for row in experiment.conditionals}


def _own_point(experiment: ExperimentRow, given: Any) -> PointRow | None:
    """Return the point of the assignments that the experiment knows; None where they are no point of it."""
    try:
        known = {name: value for name, value in dict(given).items() if name in _names(experiment)}
        return point_row(experiment, parse_assignments(definition_of(experiment), known))
    except (ApiException, TypeError, ValueError):
        return None


def _updated(request: Request, *, merge: bool) -> Json:
    data = request.only(*RUN_FIELDS)
    run = run_of(request, lock=True)
    apply_fields(run, data, merge=merge)
    if "deleted" in data:
        run.deleted = boolean("deleted", data["deleted"])
    if "project" in data:
        project = given_project(request, data["project"])
        if project is None:
            raise bad_request("project: a run stays in a project")
        run.project = project
    if data:
        run.updated = clock.microseconds()
    _ensure_observation(request, run)
    request.session.flush()
    return _shown(request, run)


def _ensure_observation(request: Request, run: TrainingRunRow) -> None:
    """Make a finished run of an experiment an observation, once."""
    if run.state == "active" or run.observation_id is not None or run.suggestion is None:
        return
    experiment = request.session.get(ExperimentRow, run.experiment_id)
    if experiment is not None:
        _observe(request, experiment, run, run.suggestion.point, run.suggestion_id)


def _observe(
    request: Request,
    experiment: ExperimentRow,
    run: TrainingRunRow,
    point: PointRow,
    suggestion_id: int | None = None,
) -> None:
    """Add the observation of a run: failed where the run failed or lacks a metric."""
    reported = {row.name: row for row in run.values}
    values = [
        MetricValueRow(
            metric_id=metric.id,
            value=reported[metric.name].value,
            value_stddev=reported[metric.name].value_stddev or 0.0,
        )
        for metric in experiment.metrics
        if metric.name in reported and run.state == "completed"
    ]
    whole = values if len(values) == len(experiment.metrics) else []
    observation = add_observation(request, experiment, point, whole, suggestion_id)
    run.observation_id = observation.id


def _listed(request: Request, rows: Select[TrainingRunRow]) -> Json:
    data = request.data
    rows = filtered(rows, data.get("filters"))
    if data.get("search") is not None:
        words = str(data["search"]).strip().lower()
        rows = rows.where(func.lower(TrainingRunRow.name).contains(words, autoescape=True))
    sort = str(data.get("sort") or "id")
    keys = [] if sort == "id" else [sort_key(sort)]
    rows = rows.where(*(key.is_not(None) for key in keys))
    page = page_of(
        request, _with_details(rows), TrainingRunRow.id, lambda found: _shapes(request, found), sort=keys
    )
    return {**page, "defined_fields": defined_fields(request.session, rows)}


def _shown(request: Request, run: TrainingRunRow) -> Json:
    [shown] = _shapes(request, [run])
    return shown


def _shapes(request: Request, runs: Sequence[TrainingRunRow]) -> list[Json]:
    ids = [run.id for run in runs]
    query = (
        select(CheckpointRow.run_id, func.count())
        .where(CheckpointRow.run_id.in_(ids))
        .group_by(CheckpointRow.run_id)
    )
    counts = {row[0]: row[1] for row in request.session.execute(query)}
    return [run_json(run, counts.get(run.id, 0)) for run in runs]


def _with_details(rows: Select[TrainingRunRow]) -> Select[TrainingRunRow]:
    """Load what run_json shows for all rows together, not row by row."""
    return rows.options(
        selectinload(TrainingRunRow.project),
        selectinload(TrainingRunRow.assignments),
        selectinload(TrainingRunRow.details),
        selectinload(TrainingRunRow.dev_details),
        selectinload(TrainingRunRow.assignments_meta),
        selectinload(TrainingRunRow.assignments_sources),
        selectinload(TrainingRunRow.values),
        selectinload(TrainingRunRow.datasets),
        selectinload(TrainingRunRow.logs),
        selectinload(TrainingRunRow.feature_scores),
        selectinload(TrainingRunRow.tags),
    )
