"""Where the jobs of an experiment's search are, by what the search has noted in the experiment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sigtune.report.results import Results

SWEEP_FOLDER_KEY = "sweep_dir"
"""The key of the experiment's metadata that has the folder of its sweep."""


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


def job_folders(sweep: Path, results: Results) -> dict[int, Path]:
    """Return the folders of jobs, by the numbers of their observations."""
    return {
        observation.number: sweep / str(observation.job)
        for observation in results.observations
        if observation.job is not None and (sweep / str(observation.job)).is_dir()
    }
