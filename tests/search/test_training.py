"""Searches whose jobs are trainings of `train.py`."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sigopt

from sigtune.backend.driver import LocalDriver
from tests import app_process

from .sweep_app import labelled, output_of, wait_until

TRAIN = Path(__file__).parents[2] / "train.py"
SMALL = ["model.linear_units=32", "data.train_size=240", "data.validation_size=72", "data.test_size=72"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


def arguments(folder: Path, name: str, *more: str) -> list[str]:
    return [
        "-m",
        "hydra/sweeper=sigopt",
        f"sigopt.store=sqlite:///{folder}/{name}.db",
        f"hydra.sweep.dir={folder}/{name}",
        *SMALL,
        *more,
    ]


def start(folder: Path, *given: str) -> app_process.Popen:
    return app_process.Popen(
        [sys.executable, str(TRAIN), *given],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def finish(process: app_process.Popen) -> str:
    output = output_of(process)
    assert process.returncode == 0, output
    return output


def accuracies(folder: Path, name: str) -> dict[int, float]:
    connection = sigopt.Connection(driver=LocalDriver, url=f"sqlite:///{folder}/{name}.db")
    observations = list(connection.experiments("1").observations().fetch().iterate_pages())
    return {observed.metadata["job"]: observed.values[0].value for observed in observations}


def test_a_search_whose_best_is_trained_again_by_the_command_it_prints_and_whose_report_has_its_curves(
    folder: Path,
) -> None:
    short = ("trainer.max_epochs=2", "sigopt.observation_budget=2")
    output = finish(start(folder, *arguments(folder, "plain", *short)))
    best = max(accuracies(folder, "plain").values())
    again = finish(start(folder, *shlex.split(labelled(output, "again")[0])[2:]))
    assert f"mean_accuracy {best:.4f}" in again
    report = (folder / "plain" / "report.html").read_text()
    assert '"metric":"validation_loss","along":"epoch","lines":[{"label":"job ' in report
    assert "Confusion matrix: validation, epoch 1" in report


@pytest.mark.parametrize(
    ("launcher", "number"),
    # Each search of the second imports torch in a worker of its own.
    [("basic", signal.SIGTERM), pytest.param("joblib", signal.SIGINT, marks=pytest.mark.slow)],
)
def test_a_training_heeds_ctrl_c_and_goes_on_from_its_checkpoint_with_the_search(
    folder: Path, launcher: str, number: signal.Signals
) -> None:
    name = f"{launcher}{number}"
    long = ("trainer.max_epochs=10", "sigopt.observation_budget=1")
    if not (folder / "whole.db").exists():
        finish(start(folder, *arguments(folder, "whole", *long)))
    process = start(folder, *arguments(folder, name, *long, f"hydra/launcher={launcher}"))
    wait_until((folder / name / "1" / "checkpoints" / "last.ckpt").exists)
    os.killpg(process.pid, number) if launcher == "joblib" else process.send_signal(number)
    output = output_of(process)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert accuracies(folder, name) == {}
    resumed = finish(start(folder, *shlex.split(labelled(output, "resume")[0])[2:]))
    assert "1 observed (0 failed)" in resumed
    assert accuracies(folder, name) == accuracies(folder, "whole")
