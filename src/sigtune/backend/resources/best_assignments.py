"""The best assignments of an experiment."""

from __future__ import annotations

from sigtune.backend.lookup import experiment_of
from sigtune.backend.metadata import metadata_json
from sigtune.backend.observed import best_observations, values_json
from sigtune.backend.pagination import pagination
from sigtune.backend.points import assignments_json, task_fields
from sigtune.backend.requests import Json, Request
from sigtune.backend.tables import ExperimentRow, ObservationRow


def listing(request: Request) -> Json:
    """GET experiments/ID/best_assignments: the best one, or with two metrics all undominated ones."""
    experiment = experiment_of(request)
    best = best_observations(request.session, experiment)
    return pagination([_json(experiment, observation) for observation in best], len(best))


def _json(experiment: ExperimentRow, observation: ObservationRow) -> Json:
    shape = {
        "object": "best_assignments",
        "id": str(observation.id),
        "assignments": assignments_json(experiment, observation.point),
        "values": values_json(experiment, observation),
        "metadata": metadata_json(observation),
    }
    task = task_fields(experiment, observation.point.task_id).get("task")
    if task is not None:
        shape["task"] = task["name"]
    return shape
