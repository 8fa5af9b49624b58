"""Which handler answers which method and path of SigOpt's v1 API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sigtune.backend.errors import not_found, wrong_method
from sigtune.backend.pagination import MARKERS, PAGE
from sigtune.backend.requests import Call, Handler, Json, computes, reads, writes
from sigtune.backend.resources import (
    accounts,
    aiexperiments,
    best_assignments,
    checkpoints,
    experiments,
    metric_importances,
    observations,
    projects,
    queued_suggestions,
    stopping_criteria,
    suggestions,
    tags,
    training_runs,
)
from sigtune.backend.run_fields import RUN_FIELDS
from sigtune.definition.validation.experiment import FIELDS

ID = "ID"
"""What stands in a route for the part of a path that is an id."""


@dataclass(frozen=True)
class Route:
    """What answers a request, and the ids in its path."""

    handler: Handler
    ids: tuple[str, ...]
    pattern: str


def find_route(method: str, path: Sequence[str]) -> Route:
    """Return what answers; raises a 404 for a path that is not known, a 405 for a method that it has not."""
    for pattern in _patterns(path):
        methods = ROUTES.get(pattern)
        if methods is None:
            continue
        handler = computes(_options) if method == "OPTIONS" else methods.get(method)
        if handler is None:
            raise wrong_method(f"{method} is not a method of {'/'.join(path)}")
        names = pattern.split("/")
        ids = tuple(part for part, name in zip(path, names, strict=True) if name == ID)
        return Route(handler, ids, pattern)
    raise not_found(f"the embedded backend does not know the path {'/'.join(path)}")


def _patterns(path: Sequence[str]) -> list[str]:
    """Return the patterns that a path may be of: names and ids take turns, and "batch" is a name."""
    if not path or "" in path:
        return []
    pattern = [part if index % 2 == 0 else ID for index, part in enumerate(path)]
    return ["/".join([*pattern[:-1], path[-1]]), "/".join(pattern)]


def _options(call: Call) -> Json:
    """OPTIONS of any path that is known."""
    del call
    return {}


def _no_files(call: Call) -> Json:
    """POST training_runs/ID/files: images are not kept."""
    del call
    raise not_found("this SigOpt keeps no files: images cannot be logged")


_EXPERIMENT = (*FIELDS, "no_optimize")
_AI_EXPERIMENT = (*(name for name in _EXPERIMENT if name not in aiexperiments.UNKNOWN), "budget")

ROUTES: dict[str, dict[str, Handler]] = {
    "tokens/ID": {"GET": reads(accounts.token_detail)},
    "organizations/ID": {"GET": reads(accounts.organization_detail)},
    "clients": {},
    "clients/ID": {"GET": reads(accounts.client_detail)},
    "clients/ID/tags": {"GET": reads(tags.listing, *PAGE), "POST": writes(tags.create, *tags.FIELDS)},
    "clients/ID/experiments": {
        "GET": reads(experiments.listing_for_client, *experiments.LISTED_BY),
        "POST": writes(experiments.create_for_client, *_EXPERIMENT),
    },
    "clients/ID/aiexperiments": {"GET": reads(aiexperiments.listing_for_client, *experiments.AI_LISTED_BY)},
    "clients/ID/training_runs": {"GET": reads(training_runs.listing_for_client, *training_runs.LISTED_BY)},
    "clients/ID/projects": {
        "GET": reads(projects.listing, *projects.LISTED_BY),
        "POST": writes(projects.create, *projects.FIELDS),
    },
    "clients/ID/projects/ID": {
        "GET": reads(projects.detail),
        "PUT": writes(projects.update, *projects.UPDATABLE),
    },
    "clients/ID/projects/ID/experiments": {
        "GET": reads(experiments.listing_for_project, *experiments.LISTED_BY)
    },
    "clients/ID/projects/ID/aiexperiments": {
        "GET": reads(aiexperiments.listing_for_project, *experiments.AI_LISTED_BY),
        "POST": writes(aiexperiments.create, *_AI_EXPERIMENT),
    },
    "clients/ID/projects/ID/training_runs": {
        "GET": reads(training_runs.listing_for_project, *training_runs.LISTED_BY),
        "POST": writes(training_runs.create_in_project, *RUN_FIELDS),
    },
    "clients/ID/projects/ID/training_runs/batch": {
        "POST": writes(training_runs.create_batch, "runs", "fields")
    },
    "experiments": {
        "GET": reads(experiments.listing, *experiments.LISTED_BY),
        "POST": writes(experiments.create, *_EXPERIMENT),
    },
    "experiments/ID": {
        "GET": reads(experiments.detail),
        "PUT": writes(experiments.update, *experiments.UPDATABLE),
        "DELETE": writes(experiments.delete),
    },
    "experiments/ID/suggestions": {
        "GET": reads(suggestions.listing, "state", "id", "deleted", *MARKERS),
        "POST": computes(suggestions.create, "assignments", "task", "metadata"),
        "DELETE": writes(suggestions.delete_all, "state"),
    },
    "experiments/ID/suggestions/ID": {
        "GET": reads(suggestions.detail),
        "PUT": writes(suggestions.update, "metadata"),
        "DELETE": writes(suggestions.delete),
    },
    "experiments/ID/queued_suggestions": {
        "GET": reads(queued_suggestions.listing, *MARKERS),
        "POST": writes(queued_suggestions.create, "assignments", "task"),
        "DELETE": writes(queued_suggestions.delete_all),
    },
    "experiments/ID/queued_suggestions/ID": {
        "GET": reads(queued_suggestions.detail),
        "DELETE": writes(queued_suggestions.delete),
    },
    "experiments/ID/observations": {
        "GET": reads(observations.listing, "sort", "deleted", *PAGE),
        "POST": writes(observations.create, *observations.FIELDS),
        "DELETE": writes(observations.delete_all),
    },
    "experiments/ID/observations/batch": {"POST": writes(observations.create_batch, "observations")},
    "experiments/ID/observations/ID": {
        "GET": reads(observations.detail),
        "PUT": writes(observations.update, *observations.UPDATABLE),
        "DELETE": writes(observations.delete),
    },
    "experiments/ID/best_assignments": {"GET": reads(best_assignments.listing)},
    "experiments/ID/stopping_criteria": {"GET": reads(stopping_criteria.detail)},
    "experiments/ID/metric_importances": {"GET": computes(metric_importances.listing)},
    "experiments/ID/best_practices": {"GET": reads(experiments.best_practices)},
    "experiments/ID/tokens": {"POST": writes(accounts.share_experiment)},
    "aiexperiments": {"GET": reads(aiexperiments.listing, *experiments.AI_LISTED_BY)},
    "aiexperiments/ID": {
        "GET": reads(aiexperiments.detail),
        "PUT": writes(aiexperiments.update, *experiments.UPDATABLE),
        "DELETE": writes(aiexperiments.delete, "include_runs"),
    },
    "aiexperiments/ID/training_runs": {"POST": computes(training_runs.create_in_experiment, *RUN_FIELDS)},
    "aiexperiments/ID/best_training_runs": {"GET": reads(training_runs.best_listing, "sort", *PAGE)},
    "training_runs/ID": {
        "GET": reads(training_runs.detail),
        "PUT": writes(training_runs.update, *RUN_FIELDS),
        "MERGE": writes(training_runs.merge, *RUN_FIELDS),
        "DELETE": writes(training_runs.delete),
    },
    "training_runs/ID/checkpoints": {
        "GET": reads(checkpoints.listing, *PAGE),
        "POST": writes(checkpoints.create, *checkpoints.FIELDS),
    },
    "training_runs/ID/checkpoints/ID": {"GET": reads(checkpoints.detail)},
    "training_runs/ID/tags": {"POST": writes(tags.add_to_run, "id")},
    "training_runs/ID/tags/ID": {"DELETE": writes(tags.take_from_run)},
    "training_runs/ID/files": {"POST": computes(_no_files)},
}
