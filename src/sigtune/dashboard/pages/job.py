"""One observation, and the job that made it: its config, learning curves, log, error and checkpoint."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sigtune.dashboard.pages.curves import folder_of, job_in, runs_of
from sigtune.dashboard.pages.frame import experiment_of, framed, waiting_suggestions
from sigtune.dashboard.pages.summary import run_state
from sigtune.dashboard.search_folder import LONGEST_FILE, Job, SearchFolder, find_search_folder
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit
from sigtune.report.series import curve_names

_SHOWN = ("error", "overrides", "config", "output")
"""Files of a run in the order in which the page has them; its log comes last."""


def observation_page(visit: Visit) -> Response:
    """GET /experiments/ID/observations/ID."""
    experiment = experiment_of(visit)
    observation = visit.source.get("experiments", experiment["id"], "observations", visit.ids["observation"])
    folder = find_search_folder(experiment)
    job = _job_of(observation, folder)
    return _page(visit, experiment, observation["assignments"], folder, job, observation)


def page(visit: Visit) -> Response:
    """GET /experiments/ID/jobs/NUMBER: a job that may not have been observed yet."""
    experiment = experiment_of(visit)
    folder, job = _folder_and_job(visit, experiment)
    observation = _observation_of(visit, experiment, job)
    return _page(visit, experiment, job.assignments, folder, job, observation)


def confusion(visit: Visit) -> Response:
    """GET /experiments/ID/jobs/NUMBER/confusion.json: a classifier's, of the validation and the test set."""
    folder, job = _folder_and_job(visit, experiment_of(visit))
    return JSONResponse(list(folder.confusions(job)))


def _folder_and_job(visit: Visit, experiment: Json) -> tuple[SearchFolder, Job]:
    folder = folder_of(experiment)
    return folder, job_in(folder, visit.ids["job"])


def _page(
    visit: Visit,
    experiment: Json,
    assignments: Json,
    folder: SearchFolder | None,
    job: Job | None,
    observation: Json | None,
) -> Response:
    runs = [] if folder is None or job is None else [_shown(folder, job, index) for index in range(job.runs)]
    logged = [] if folder is None or job is None else curve_names(list(runs_of(folder, job)))
    return framed(
        visit,
        experiment,
        "job.html",
        tab="history",
        job=job,
        observation=observation,
        assignments=assignments,
        folder=folder,
        command=folder.command(job) if folder and job else None,
        tests=_test_commands(folder, job) if folder and job else [],
        logged=logged,
        runs=runs,
        longest=LONGEST_FILE,
    )


def _test_commands(folder: SearchFolder, job: Job) -> list[str]:
    """Return the commands that test the weights of a classifier's runs on the test set."""
    if not any(True for _ in folder.confusions(job)):
        return []
    checkpoints = [folder.checkpoint(run_folder) for run_folder in job.run_folders()]
    return [folder.test_command(job, checkpoint) for checkpoint in checkpoints if checkpoint is not None]


def _shown(folder: SearchFolder, job: Job, index: int) -> dict[str, Any]:
    """Return a run with the files that it has left so far."""
    run_folder = job.run_folders()[index]
    files = [(name, folder.read(run_folder, name)) for name in _SHOWN]
    files.append(("log", folder.log(run_folder)))
    return {
        **run_state(folder, job, index),
        "folder": str(folder.path.joinpath(*run_folder)),
        "outcome": folder.outcome(run_folder),
        "checkpoint": folder.checkpoint(run_folder),
        "files": [(name, file) for name, file in files if file is not None and file.size > 0],
    }


def _job_of(observation: Json, folder: SearchFolder | None) -> Job | None:
    return folder.job_of(observation["suggestion"], observation["assignments"]) if folder else None


def _observation_of(visit: Visit, experiment: Json, job: Job) -> Json | None:
    """Return the job's observation; None while its suggestion is open."""
    if any(item["id"] == job.suggestion for item in waiting_suggestions(visit, experiment)):
        return None
    observations = visit.site.observations.get(visit.source, experiment)
    return next((item for item in observations.items if item["suggestion"] == job.suggestion), None)
