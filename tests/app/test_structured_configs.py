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


def test_dataclasses_of_the_script_reach_a_worker_process_as_they_are(tmp_path: Path) -> None:
    # Only of a program that is really the main one are they sent by value.
    command = [sys.executable, str(APP), "-m", "hydra/launcher=joblib", "net.layers.1=interval(1,8)"]
    searched = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert searched.returncode == 0, searched.stderr
    assert "saved    2 observed (0 failed)" in searched.stdout


def test_a_choice_that_the_dataclass_does_not_take_is_refused_before_anything_runs(tmp_path: Path) -> None:
    refused = run(tmp_path, "-m", "net.kind=choice(PLAIN,FANCIER,FANCY)")
    assert refused.returncode == 2
    assert "net.kind=FANCIER  Invalid value 'FANCIER', expected one of [PLAIN, FANCY]" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_everything_that_is_wrong_is_told_by_the_dataclasses(tmp_path: Path) -> None:
    wrong = run(tmp_path, "net.width=wide", "net.kidn=PLAIN", "sigopt.observation_budget=many")
    assert wrong.returncode == 2
    assert [line.split()[0] for line in wrong.stderr.splitlines()[1:-1]] == [
        "net.width=wide",
        "net.kidn",
        "sigopt.observation_budget=many",
    ]
