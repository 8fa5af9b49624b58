"""An app whose configs are dataclasses alone: searched, an enum included, and told what is wrong."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from tests import app_process
from tests.patience import PATIENCE_SECONDS
from tests.search.sweep_app import labelled

APP = Path(__file__).parent / "structured_app.py"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(APP), *arguments]
    return app_process.run(command, cwd=folder, capture_output=True, timeout=PATIENCE_SECONDS)


def test_an_enum_is_tuned_and_the_best_trained_again(tmp_path: Path) -> None:
    searched = run(tmp_path, "-m", "net.kind=choice(PLAIN,FANCY)", "hydra.sweep.dir=sweep")
    assert searched.returncode == 0, searched.stderr
    (best,), (again,) = labelled(searched.stdout, "best"), labelled(searched.stdout, "again")
    assert "net.kind=" in best
    trained = run(tmp_path, *shlex.split(again)[2:])
    score = best.partition("score ")[2].split()[0]
    assert labelled(trained.stdout, "done")[0].startswith(score)


def test_everything_that_is_wrong_is_told_by_the_dataclasses(tmp_path: Path) -> None:
    wrong = run(tmp_path, "net.width=wide", "net.kidn=PLAIN", "sigopt.observation_budget=many")
    assert wrong.returncode == 2
    assert [line.split()[0] for line in wrong.stderr.splitlines()[1:-1]] == [
        "net.width=wide",
        "net.kidn",
        "sigopt.observation_budget=many",
    ]
