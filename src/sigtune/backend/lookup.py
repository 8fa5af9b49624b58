"""Finding the things that a path names, or refusing."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from sigtune.backend.errors import bad_request, forbidden, not_found
from sigtune.backend.requests import CLIENT_ID, Request, id_or_none, parse_id
from sigtune.backend.tables import (
    ExperimentRow,
    ObservationRow,
    ProjectRow,
    SuggestionRow,
    TrainingRunRow,
)

# Made once: nearly every request asks one of them.
_EXPERIMENT = select(ExperimentRow).where(ExperimentRow.id == bindparam("id"))
_LOCKED_EXPERIMENT = _EXPERIMENT.with_for_update()


def check_client(request: Request) -> None:
    """Raise a 404 unless the path names the one client of a store."""
    if request.ids[0] != CLIENT_ID:
        raise not_found(f"no client {request.ids[0]}")


def experiment_of(request: Request, *, lock: bool = False) -> ExperimentRow:
    """Return the experiment of the path, locked if asked; raises a 404 if there is none."""
    experiment_id = parse_id(request.ids[0], "experiment")
    query = _LOCKED_EXPERIMENT if lock else _EXPERIMENT
    experiment = request.session.scalar(query, {"id": experiment_id})
    if experiment is None:
        raise not_found(f"no experiment {experiment_id}")
    return experiment


def active_experiment_of(request: Request) -> ExperimentRow:
    """Return the experiment of the path, locked; raises a 404, or a 400 if it is deleted."""
    experiment = experiment_of(request, lock=True)
    if experiment.state != "active":
        raise bad_request(f"experiment {experiment.id} is deleted; update(state='active') brings it back")
    return experiment


def core_experiment_of(request: Request) -> ExperimentRow:
    """Return the active experiment of the path; raises a 403 if its results come from training runs."""
    experiment = active_experiment_of(request)
    if experiment.runs_only:
        raise forbidden(f"experiment {experiment.id} is an AI experiment: create a training run in it")
    return experiment


def find_project(session: Session, reference: str) -> ProjectRow:
    """Return the project of this id; raises a 404 if there is none."""
    project = session.scalar(select(ProjectRow).where(ProjectRow.reference == reference))
    if project is None:
        raise not_found(f"no project {reference}")
    return project


def find_suggestion(session: Session, experiment: ExperimentRow, suggestion_id: str) -> SuggestionRow:
    """Return a suggestion of an experiment; raises a 404 if it has none of that id, or it was deleted."""
    suggestion = session.get(SuggestionRow, parse_id(suggestion_id, "suggestion"))
    if suggestion is None or suggestion.deleted or suggestion.experiment_id != experiment.id:
        raise not_found(f"no suggestion {suggestion_id} in experiment {experiment.id}")
    return suggestion


def given_suggestion(session: Session, experiment: ExperimentRow, suggestion_id: object) -> SuggestionRow:
    """Return the suggestion that a body names; raises a 400 if the experiment has none of that id."""
    number = id_or_none(suggestion_id)
    suggestion = None if number is None else session.get(SuggestionRow, number)
    if suggestion is None or suggestion.deleted or suggestion.experiment_id != experiment.id:
        raise bad_request(f"suggestion: no suggestion {suggestion_id} in experiment {experiment.id}")
    return suggestion


def find_observation(session: Session, experiment: ExperimentRow, observation_id: str) -> ObservationRow:
    """Return an observation of an experiment; raises a 404 if it has none of that id, or it was deleted."""
    observation = session.get(ObservationRow, parse_id(observation_id, "observation"))
    if observation is None or observation.deleted or observation.experiment_id != experiment.id:
        raise not_found(f"no observation {observation_id} in experiment {experiment.id}")
    return observation


def run_of(request: Request, *, lock: bool = False) -> TrainingRunRow:
    """Return the training run of the path, locked if asked; raises a 404 if there is none."""
    run_id = parse_id(request.ids[0], "training run")
    run = request.session.get(TrainingRunRow, run_id, with_for_update=lock or None)
    if run is None:
        raise not_found(f"no training run {run_id}")
    return run
