"""A job that is killed, and the same job run again in its folder."""

import csv
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import app_process
from tests.patience import PATIENCE_SECONDS
from tests.training.own_project import Squares, TwoOptimizers

from sigtune.config.schema import Config, TrainerConfig
from sigtune.errors import UsageError
from sigtune.training.callbacks.job_state import JobState
from sigtune.training.checkpoint_io import read_checkpoint
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.resume import job_identity, resume_point
from sigtune.training.trainer import build_trainer

TRAIN = Path(__file__).parents[2] / "train.py"
EPOCHS = 6
JOB = [
    f"trainer.max_epochs={EPOCHS}",
    "trainer.log_every_n_steps=1",
    "model.linear_units=32",
    "data.batch_size=64",
    "data.train_size=480",
    "data.validation_size=72",
    "data.test_size=72",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app")


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(TRAIN), *JOB, f"hydra.run.dir={name}", *arguments]


def train(folder: Path, name: str, *arguments: str) -> str:
    result = app_process.run(
        command(name, *arguments), cwd=folder, capture_output=True, timeout=PATIENCE_SECONDS
    )
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    assert "exists and is not empty" not in result.stderr
    return result.stdout


def last(folder: Path, name: str) -> Path:
    return folder / name / "checkpoints" / "last.ckpt"


def whole_checkpoint(path: Path) -> dict[str, Any]:
    checkpoint = read_checkpoint(path)
    assert checkpoint is not None
    return checkpoint


def kill_after_epoch(folder: Path, name: str, epoch: int, *arguments: str) -> None:
    """Start the job and kill it once the checkpoint of `epoch`, counted from 0, is there.

    The job is shorter than the time that its later checkpoints would wait for.
    """
    arguments += ("+callbacks.prompt._target_=tests.training.prompt_checkpoints.PromptCheckpoints",)
    job = app_process.Popen(
        command(name, *arguments), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    path = last(folder, name)
    try:
        # Whenever there is a checkpoint, it is a whole one.
        while not path.exists() or whole_checkpoint(path)["epoch"] < epoch:
            assert job.poll() is None, "the job ended before it could be killed"
            time.sleep(0.01)
    finally:
        job.kill()
        job.wait()
    assert whole_checkpoint(path)["epoch"] < EPOCHS - 1


def assert_equal_ends(folder: Path, one: str, other: str) -> None:
    first, second = (whole_checkpoint(last(folder, name)) for name in (one, other))
    assert first["epoch"] == second["epoch"] == EPOCHS - 1
    assert first["sigtune"]["metrics"] == second["sigtune"]["metrics"]
    assert first["lr_schedulers"] == second["lr_schedulers"]
    assert first["state_dict"].keys() == second["state_dict"].keys()
    for name, tensor in first["state_dict"].items():  # weights, duty cycles, boost strengths
        assert torch.equal(tensor, second["state_dict"][name]), name
    logged = [(folder / name / "metrics" / "metrics.csv").read_text() for name in (one, other)]
    assert logged[0] == logged[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["experiment=sparse_cnn_onecyclelr", "optimizer.momentum=0.9"],
        ["experiment=sparse_cnn_steplr", "scheduler.gamma=0.5", "trainer.check_val_every_n_epoch=2"],
    ],
    ids=["onecyclelr", "steplr"],
)
def test_a_killed_job_ends_as_if_it_had_never_been_killed(folder: Path, arguments: list[str]) -> None:
    name = arguments[0].partition("=")[2]
    unharmed = train(folder, f"{name}/unharmed", *arguments)
    kill_after_epoch(folder, f"{name}/killed", 1, *arguments)
    resumed = train(folder, f"{name}/killed", *arguments)
    assert "resuming after epoch" in resumed
    assert_equal_ends(folder, f"{name}/unharmed", f"{name}/killed")

    # Killed after its last epoch, before anyone took its metrics: it has them without training again.
    again = train(folder, f"{name}/killed", *arguments)
    shown = unharmed.splitlines()[-1].rpartition(" · ")[0].split(" · ")
    assert set(again.splitlines()[-1].rpartition(" · ")[0].split(" · ")) == set(shown)
    assert_equal_ends(folder, f"{name}/unharmed", f"{name}/killed")


def test_a_checkpoint_that_is_none_ends_with_exit_code_2(folder: Path) -> None:
    (folder / "notes.txt").write_text("not a checkpoint")
    for path, what in (("none.ckpt", "no such file"), ("notes.txt", "is not a checkpoint of a training run")):
        result = app_process.run(
            command("refused", f"trainer.resume={path}"),
            cwd=folder,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
        assert result.returncode == 2
        assert f"trainer.resume={path}" in result.stderr
        assert what in result.stderr
        assert "Traceback" not in result.stderr


def config(resume: str | Path = "auto", max_epochs: int = 3, **trainer: Any) -> Config:
    settings = TrainerConfig(resume=str(resume), max_epochs=max_epochs, **trainer)
    return Config(data={"size": 1}, model={"units": 2}, optimizer={}, scheduler=None, trainer=settings)


def save(path: Path, identity: dict[str, Any] | None = None, **content: Any) -> Path:
    checkpoint = {
        "epoch": 1,
        "global_step": 8,
        "state_dict": {"weight": torch.zeros(2)},
        "loops": {},
        "optimizer_states": [],
        "lr_schedulers": [],
        "sigtune": {"identity": identity},
        **content,
    }
    torch.save(checkpoint, path)
    return path


WEIGHTS = {"weight": torch.ones(2)}


def test_auto_goes_on_from_the_jobs_own_checkpoint_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "last.ckpt"
    assert resume_point(config(), None, WEIGHTS) is None
    assert resume_point(config(), path, WEIGHTS) is None
    save(path, job_identity(config()))
    point = resume_point(config(), path, WEIGHTS)
    assert point is not None
    assert (point.path, point.epochs, point.steps) == (path, 2, 8)
    # Settings that do not decide what is trained may differ.
    assert resume_point(config(gpus=1, log_every_n_steps=5), path, WEIGHTS) == point
    caplog.set_level(logging.WARNING)
    for other in (config(max_epochs=4), config(precision="bf16-mixed")):
        assert resume_point(other, path, WEIGHTS) is None
        assert "another config" in caplog.messages[-1]


def test_the_rows_of_loggers_are_counted_by_batches_where_several_optimizers_step(tmp_path: Path) -> None:
    settings = TrainerConfig(max_epochs=2, enable_model_summary=False, log_every_n_steps=1)
    logger = {"_target_": "pytorch_lightning.loggers.CSVLogger", "save_dir": str(tmp_path), "name": ""}
    trainer = build_trainer(settings, {}, logger, False, [JobState(job_identity(config()))])
    with without_known_warnings():
        trainer.fit(TwoOptimizers(), datamodule=Squares())
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    point = resume_point(config(), tmp_path / "last.ckpt", {})
    assert point is not None
    [metrics] = tmp_path.rglob("metrics.csv")
    steps = [int(row["step"]) for row in csv.DictReader(metrics.read_text().splitlines())]
    assert max(steps) == point.steps - 1 == 2 * 4 - 1
    assert trainer.global_step == 2 * 2 * 4


def test_never_begins_anew(tmp_path: Path) -> None:
    path = save(tmp_path / "last.ckpt", job_identity(config()))
    assert resume_point(config("never"), path, WEIGHTS) is None


def test_auto_begins_anew_where_the_file_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = save(tmp_path / "last.ckpt", job_identity(config()))
    path.write_bytes(path.read_bytes()[:300])
    assert resume_point(config(), path, WEIGHTS) is None
    assert "is not a checkpoint" in caplog.messages[-1]


def test_a_checkpoint_may_be_named_whatever_the_config_it_was_trained_with(tmp_path: Path) -> None:
    path = save(tmp_path / "mine.ckpt", {"seed": 7})
    point = resume_point(config(path), None, WEIGHTS)
    assert point is not None
    assert point.path == path


@pytest.mark.parametrize(
    ("content", "max_epochs", "what"),
    [
        ({"epoch": 4}, 3, "has trained 5 epochs, more than trainer.max_epochs=3"),
        ({"state_dict": {"weight": torch.zeros(3)}}, 3, "is of another network than the configured model"),
        ({"state_dict": {"bias": torch.zeros(2)}}, 3, "is of another network than the configured model"),
    ],
)
def test_a_named_checkpoint_that_does_not_fit_is_refused(
    tmp_path: Path, content: dict[str, Any], max_epochs: int, what: str
) -> None:
    path = save(tmp_path / "mine.ckpt", **content)
    with pytest.raises(UsageError) as caught:
        resume_point(config(path, max_epochs), None, WEIGHTS)
    (problem,) = caught.value.problems
    assert (problem.key, problem.what) == (f"trainer.resume={path}", what)


ALL_WEIGHTS = {"layer.weight": torch.zeros(2, 4), "layer.kept": torch.zeros(2, 4, dtype=torch.bool)}


def test_a_checkpoint_of_a_release_that_held_zeroed_weights_is_refused_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(tmp_path / "last.ckpt", job_identity(config()), state_dict=ALL_WEIGHTS)
    with pytest.raises(UsageError) as caught:
        resume_point(config(path), None, WEIGHTS)
    (problem,) = caught.value.problems
    assert problem.key == f"trainer.resume={path}"
    assert "0.1.0" in problem.what
    assert f"--config-name evaluate checkpoint={path}" in str(problem.remedy)
    caplog.set_level(logging.WARNING)
    assert resume_point(config(), path, WEIGHTS) is None
    assert "0.1.0" in caplog.messages[-1]
    assert "training begins anew" in caplog.messages[-1]
