"""Summary: how far the experiment is, its best, what runs now, what came last and what failed."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from starlette.responses import JSONResponse, Response

from sigtune.dashboard.pages.frame import (
    experiment_of,
    framed,
    queued_suggestions,
    state_version,
    waiting_suggestions,
)
from sigtune.dashboard.search_folder import Job, SearchFolder, find_search_folder
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit

_LAST = 10
_MOST_BEST = 5
_FAILURES_AMONG = 200
"""Of so many last observations the failures are counted by reason."""


def page(visit: Visit) -> Response:
    """GET /experiments/ID."""
    experiment = experiment_of(visit)
    folder = find_search_folder(experiment)
    place = ("experiments", experiment["id"])
    best = _best_assignments(visit, experiment)
    waiting = waiting_suggestions(visit, experiment)
    last = visit.source.get(*place, "observations", limit=_FAILURES_AMONG)["data"]
    return framed(
        visit,
        experiment,
        "summary.html",
        tab="summary",
        best=[_best(item, folder) for item in best[:_MOST_BEST]],
        best_count=len(best),
        last=last[:_LAST],
        failures=_failures(last),
        looked_at=len(last),
        waiting=len(waiting),
        running=_running(waiting, folder),
        queued=len(queued_suggestions(visit, experiment)),
        folder=folder,
    )


def _best_assignments(visit: Visit, experiment: Json) -> list[Json]:
    """Return the best observations; where there can be but one the experiment's progress has it already."""
    strategies = [metric["strategy"] for metric in experiment["metrics"]]
    is_plain = strategies.count("optimize") == 1 and "constraint" not in strategies
    if is_plain and (experiment.get("num_solutions") or 1) == 1 and not experiment.get("tasks"):
        best = experiment["progress"].get("best_observation")
        return [] if best is None else [best]
    return visit.source.all("experiments", experiment["id"], "best_assignments")


def updated(visit: Visit) -> Response:
    """GET /experiments/ID/updated.json: a version, which pages that are open look at again and again."""
    experiment = experiment_of(visit)
    return JSONResponse({"version": state_version(visit, experiment, find_search_folder(experiment))})


def _best(item: Json, folder: SearchFolder | None) -> Json:
    number = (item["metadata"] or {}).get("job")
    job = folder.jobs.get(number) if folder and isinstance(number, int) else None
    if folder is None or job is None or job.assignments != item["assignments"]:
        return {**item, "job": None, "command": None, "checkpoint": None}
    return {
        **item,
        "job": job.number,
        "command": folder.command(job),
        "checkpoint": folder.checkpoint(job.run_folders()[0]),
    }


def _failures(observations: list[Json]) -> list[tuple[str, int, Json]]:
    """Return reason, number, and the last observation of it, the most frequent first."""
    failed = [item for item in observations if item["failed"]]
    reasons = Counter(reason_of(item) for item in failed)
    last = {reason_of(item): item for item in reversed(failed)}
    return [(reason, count, last[reason]) for reason, count in reasons.most_common()]


def reason_of(observation: Json) -> str:
    """Return why an observation failed, as the search reported it."""
    return str((observation["metadata"] or {}).get("reason") or "no reason was given")


def _running(suggestions: list[Json], folder: SearchFolder | None) -> list[dict[str, Any]]:
    """Return a row for each run of the open suggestions: first those that have a slot, in its order."""
    rows = [row for suggestion in suggestions for row in _runs(suggestion, folder)]
    return sorted(rows, key=lambda row: (row["run"] or {}).get("slot") or math.inf)


def _runs(suggestion: Json, folder: SearchFolder | None) -> list[dict[str, Any]]:
    """Return an open suggestion with each run of the job that trains it; without a job it has none."""
    job = folder.job_of(suggestion["id"], suggestion["assignments"]) if folder else None
    metadata = suggestion["metadata"] or {}
    host = metadata.get("lease_host")
    worker = f"{host}, process {metadata.get('lease_pid')}" if host else None
    runs = (
        [None] if folder is None or job is None else [run_state(folder, job, run) for run in range(job.runs)]
    )
    return [{"suggestion": suggestion, "job": job, "run": run, "worker": worker} for run in runs]


def run_state(folder: SearchFolder, job: Job, index: int) -> dict[str, Any]:
    """Return what a run of a job does, in a word, and since when."""
    word = folder.state(job, index)
    has_slot = word in ("runs", "submitted", "starts")
    return {
        "index": index + 1,
        "word": word,
        "slot": job.slots.get(index) if has_slot else None,
        "attempt": job.attempts.get(index, 0),
        "handle": job.handles.get(index, ""),
        "since": folder.begun(job.run_folders()[index]) if has_slot else None,
    }
