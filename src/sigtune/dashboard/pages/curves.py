"""Learning curves: what the jobs of a search have logged by epoch, several of them in one picture."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import JSONResponse, Response

from sigtune.backend.errors import not_found
from sigtune.dashboard.pages.frame import experiment_of, framed
from sigtune.dashboard.search_folder import Job, SearchFolder, find_search_folder
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit
from sigtune.report.logged_curves import Curves, parse_curves
from sigtune.report.series import curve_names, learning_curves
from sigtune.report.series.curves import Run

MOST_JOBS = 20
"""In one picture."""


def page(visit: Visit) -> Response:
    """GET /experiments/ID/curves?job=1&job=2: of the jobs that are named, or else of the last ones."""
    experiment = experiment_of(visit)
    folder = find_search_folder(experiment)
    jobs = _jobs(visit, folder) if folder else []
    runs = [run for job in jobs for run in runs_of(folder, job)] if folder else []
    asked = "&".join(f"job={job.number}" for job in jobs)
    return framed(
        visit,
        experiment,
        "curves.html",
        tab="curves",
        folder=folder,
        jobs=jobs,
        asked=asked,
        logged=curve_names(runs),
    )


def data(visit: Visit) -> Response:
    """GET /experiments/ID/curves.json?job=1&metric=NAME."""
    folder = folder_of(experiment_of(visit))
    runs = [run for job in _jobs(visit, folder) for run in runs_of(folder, job)]
    return JSONResponse(learning_curves(runs, visit.query.get("metric", "")))


def folder_of(experiment: Json) -> SearchFolder:
    """Return the folder of the experiment's search; raises a 404."""
    folder = find_search_folder(experiment)
    if folder is None:
        raise not_found("the folder of this search is not on this machine, or not there any more")
    return folder


def job_in(folder: SearchFolder, number: str) -> Job:
    """Return the job of a number, given as its digits; raises a 404."""
    job = folder.jobs.get(int(number)) if number.isdecimal() and len(number) < 10 else None
    if job is None:
        raise not_found(f"the search has no job {number}")
    return job


def runs_of(folder: SearchFolder, job: Job) -> Iterator[Run]:
    """Yield the job's runs that have logged anything."""
    for index, run_folder in enumerate(job.run_folders()):
        logged = _logged(folder, run_folder)
        if logged is not None:
            label = f"job {job.number}" if job.runs == 1 else f"job {job.number}, run {index + 1}"
            yield Run(label, logged)


def _jobs(visit: Visit, folder: SearchFolder) -> list[Job]:
    asked = visit.query.getlist("job")[:MOST_JOBS]
    if asked:
        return [job_in(folder, number) for number in asked]
    return [folder.jobs[number] for number in sorted(folder.jobs)[-MOST_JOBS:]]


def _logged(folder: SearchFolder, run_folder: tuple[str, ...]) -> Curves | None:
    for file in folder.logged_metrics(run_folder):
        found = parse_curves(file.text)
        if found is not None:
            return found
    return None
