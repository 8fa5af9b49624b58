"""What a task of an app of one's own may return, beside the metrics that a search needs."""

from __future__ import annotations

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
    app = tmp_path / "app.py"
    app.write_text(APP)
    command = [sys.executable, str(app), f"+returned={returned}", "hydra.run.dir=run"]
    result = app_process.run(command, cwd=tmp_path, capture_output=True, timeout=PATIENCE_SECONDS)
    assert result.returncode == 0, result.stderr
    assert labelled(result.stdout, "done") == [f"{shown}{tmp_path / 'run'}"]
