"""The folder that Hydra makes for a run, removed where the run did nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from hydra.core.hydra_config import HydraConfig


def remove_untouched_folder() -> None:
    """Remove the run's folder, and the empty ones above it, where only Hydra has written into it."""
    hydra = HydraConfig.get()
    folder, start = Path(hydra.runtime.output_dir), Path(hydra.runtime.cwd)
    written = {f"{hydra.job.name}.log", hydra.output_subdir}
    if start not in folder.parents or not {path.name for path in folder.iterdir()} <= written:
        return
    shutil.rmtree(folder)
    for parent in folder.parents:
        if parent == start or any(parent.iterdir()):
            return
        parent.rmdir()
