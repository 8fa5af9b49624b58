"""train.py as its users type it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests import app_process
from tests.app.train import TRAIN, Train
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Return a function that runs train.py in an empty folder, and gives the exit code and both outputs."""

    def run(*arguments: str, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGOPT_")}
        # Hydra's parser takes the overrides in one piece only.
        options = [argument for argument in arguments if argument.startswith("-")]
        overrides = [argument for argument in arguments if not argument.startswith("-")]
        command = [sys.executable, str(TRAIN), *options, *overrides]
        return app_process.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=PATIENCE_SECONDS
        )

    return run
