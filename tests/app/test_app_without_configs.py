"""An app without configs: what its task may return beside metrics, and what is wrong with a command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests import app_process
from tests.patience import PATIENCE_SECONDS
from tests.search.sweep_app import labelled

APP = """
import numpy as np
import torch

from sigtune import hydra_app

RETURNED = {
    "mapping": {"loss": torch.tensor(0.25), "seconds": 3, "weights": np.ones(2), "note": "text"},
    "sequence": (0.25, torch.ones(2), "text"),
    "number": np.float32(0.25),
    "text": "text",
}

@hydra_app()
def main(cfg):
    return RETURNED[cfg.returned]

if __name__ == "__main__":
    main()
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "app.py").write_text(APP)
    command = [sys.executable, str(folder / "app.py"), *arguments]
    return app_process.run(command, cwd=folder, capture_output=True, timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        ("mapping", "loss 0.2500 · seconds 3.0000 · "),
        ("sequence", "0.2500 · "),
        ("number", "0.2500 · "),
        ("text", ""),
    ],
)
def test_a_plain_run_shows_the_numbers_of_what_was_returned(
    tmp_path: Path, returned: str, shown: str
) -> None:
    result = run(tmp_path, f"+returned={returned}", "hydra.run.dir=run")
    assert result.returncode == 0, result.stderr
    assert labelled(result.stdout, "done") == [f"{shown}{tmp_path / 'run'}"]


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("returned=number", "returned  unknown key  → +returned=…"),
        ("+returned", "+returned  is not an override: missing EQUAL at '<EOF>'"),
    ],
)
def test_what_is_wrong_is_told_in_a_list(tmp_path: Path, typed: str, problem: str) -> None:
    result = run(tmp_path, typed)
    assert result.returncode == 2
    first, told, _ = result.stderr.splitlines()
    assert first == "error: 1 problem in the configuration"
    assert told.strip().startswith(problem)
