"""How a running job learns that its sweep is asked to stop: by a file in the sweep's folder.

A file reaches the jobs of every launcher, on other machines too; `touch FOLDER/stop` does what Ctrl-C does.
"""

from __future__ import annotations

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode


def stop_file(sweep_dir: str | Path) -> Path:
    """Return the file that is there while the sweep in this folder is asked to stop."""
    return Path(sweep_dir) / "stop"


def asked_to_stop() -> bool:
    """Return whether the sweep that this process runs a job of is asked to stop; no one asks a single run."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return False
    return stop_file(HydraConfig.get().sweep.dir).exists()
