"""The folder of an experiment's search, as the search has noted it in the experiment, and what is in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from yaml import YAMLError

from sigtune.definition.metadata import SWEEP_FOLDER_KEY
from sigtune.report.files import RESULTS_NAME
from sigtune.report.journal_events import JOURNAL_NAME, events
from sigtune.report.results import Results


def sweep_folder(experiment: Mapping[str, Any]) -> Path | None:
    """Return the folder of the experiment's sweep; None where it is not on this machine, or not this user's.

    Anybody who can write to the experiment can write its metadata.
    """
    noted = (experiment.get("metadata") or {}).get(SWEEP_FOLDER_KEY)
    folder = Path(str(noted)) if noted else None
    if folder is None or not folder.is_absolute():
        return None
    try:
        is_own = folder.is_dir() and folder.stat().st_uid == os.getuid()
    except OSError:
        return None
    return folder if is_own else None


def again_commands(sweep: Path, results: Results) -> dict[int, str]:
    """Return the commands that train the best again, by their observations' numbers.

    The search has written them as it ended: one whose best is another by now has none.
    """
    try:
        left: Any = OmegaConf.to_container(OmegaConf.load(sweep / RESULTS_NAME))
        written = [entry["job"] for entry in left["best"]]
    except (OSError, KeyError, TypeError, ValueError, YAMLError):
        return {}
    commands = {}
    for observation in results.best:
        if observation.job in written:
            file = sweep / f"{best_file_name(observation.job, len(written))}.yaml"
            lines = file.read_text(errors="replace").splitlines()[:2] if file.is_file() else []
            if len(lines) == 2 and lines[1].startswith("# "):
                commands[observation.number] = lines[1].removeprefix("# ")
    return commands


def best_file_name(job: int | None, count: int) -> str:
    """Return the name, without its suffix, of the config of one of the `count` best jobs."""
    return "best" if count == 1 else f"best_{job}"


def job_folders(sweep: Path, results: Results) -> dict[int, Path]:
    """Return the folders of jobs, by the numbers of their observations."""
    named = _named_folders(sweep)
    folders = {
        observation.number: sweep / named.get(observation.job, str(observation.job))
        for observation in results.observations
        if observation.job is not None
    }
    return {number: folder for number, folder in folders.items() if folder.is_dir()}


def _named_folders(sweep: Path) -> dict[int, str]:
    """Return the folders, by the jobs' numbers, that have another name than these in the journal."""
    try:
        text = (sweep / JOURNAL_NAME).read_text(errors="replace")
    except OSError:
        return {}
    jobs = [event["job"] for event in events(text) if isinstance(event.get("job"), dict)]
    return {
        job["number"]: job["subdir"]
        for job in jobs
        if isinstance(job.get("number"), int) and isinstance(job.get("subdir"), str)
    }
