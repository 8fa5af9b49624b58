"""Finding the things that a path names, or refusing."""

from __future__ import annotations

from sqlalchemy.orm import Session

from sigtune.backend.errors import bad_request, not_found
from sigtune.backend.requests import Request, parse_id
from sigtune.backend.tables import ExperimentRow, ObservationRow, SuggestionRow


def experiment_of(request: Request, *, lock: bool = False) -> ExperimentRow:
    """Return the experiment of the path, locked if asked; raises a 404 if there is none."""
    experiment_id = parse_id(request.ids[0], "experiment")
    experiment = request.session.get(ExperimentRow, experiment_id, with_for_update=lock or None)
    if experiment is None:
        raise not_found(f"no experiment {experiment_id}")
    return experiment


def active_experiment_of(request: Request) -> ExperimentRow:
    """Return the experiment of the path, locked; raises a 404, or a 400 if it is archived."""
    experiment = experiment_of(request, lock=True)
    if experiment.state != "active":
        raise bad_request(f"experiment {experiment.id} is archived; update(state='active') brings it back")
    return experiment


def find_suggestion(session: Session, experiment: ExperimentRow, suggestion_id: str) -> SuggestionRow:
    """Return a suggestion of an experiment; raises a 404 if it has none of that id."""
    suggestion = session.get(SuggestionRow, parse_id(suggestion_id, "suggestion"))
    if suggestion is None or suggestion.experiment_id != experiment.id:
        raise not_found(f"no suggestion {suggestion_id} in experiment {experiment.id}")
    return suggestion


def find_observation(session: Session, experiment: ExperimentRow, observation_id: str) -> ObservationRow:
    """Return an observation of an experiment; raises a 404 if it has none of that id, or it was deleted."""
    observation = session.get(ObservationRow, parse_id(observation_id, "observation"))
    if observation is None or observation.deleted or observation.experiment_id != experiment.id:
        raise not_found(f"no observation {observation_id} in experiment {experiment.id}")
    return observation
