"""What a command does not need, it does not import."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.patience import PATIENCE_SECONDS

TRAIN = Path(__file__).parents[2] / "train.py"
FRAMEWORKS = {"torch", "pytorch_lightning", "lightning_fabric", "torchmetrics"}
# What suggests, migrates, draws, serves and runs searches: creating an experiment needs none of it.
APART = {"numpy", "scipy", "botorch", "alembic", "rich", "jinja2", "starlette", "loky", "submitit", "ray"}


def imported(folder: Path, *arguments: str) -> set[str]:
    """Return the top-level packages that `train.py` imports, itself and through others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGOPT_")}
    command = [sys.executable, "-X", "importtime", str(TRAIN), *arguments]
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    lines = [line for line in result.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize("command", [["--help"], ["--cfg", "job"], ["sigopt.create=true"]], ids=" ".join)
def test_commands_that_train_nothing_import_no_framework(tmp_path: Path, command: list[str]) -> None:
    packages = imported(tmp_path, *command)
    assert "hydra" in packages
    assert not packages & (FRAMEWORKS | APART)


@pytest.mark.parametrize("package", sorted(FRAMEWORKS | APART))
def test_there_is_a_package_of_that_name_to_import(package: str) -> None:
    assert find_spec(package)
