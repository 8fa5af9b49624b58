"""`train.py` as its users type it, on small data."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sigopt
from omegaconf import OmegaConf
from tests import app_process
from tests.app.train import TRAIN, Train
from tests.patience import PATIENCE_SECONDS

from sigtune.backend.driver import LocalDriver

SMALL = [
    "trainer.max_epochs=1",
    "model.linear_units=32",
    "data.train_size=240",
    "data.validation_size=72",
    "data.test_size=72",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app")


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run train.py in a folder, in a process of its own."""
    command = [sys.executable, str(TRAIN), *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


def test_an_experiment_trains_from_its_default_values(train: Train, folder: Path) -> None:
    result = train("experiment=sparse_cnn_steplr", *SMALL, folder=folder)
    assert result.returncode == 0, result.stderr
    assert "mean_accuracy" in result.stdout


def test_creating_tells_the_id_and_a_worker_trains_and_reports_one_suggestion(
    train: Train, folder: Path
) -> None:
    store = f"sigopt.store=sqlite:///{folder}/worker.db"
    created = train("sigopt.create=true", store, folder=folder)
    assert created.returncode == 0, created.stderr
    assert "experiment 1" in created.stdout
    assert "-m hydra/sweeper=sigopt" in created.stdout
    worker = train("sigopt.experiment_id=1", store, *SMALL, folder=folder)
    assert worker.returncode == 0, worker.stderr
    connection = sigopt.Connection(driver=LocalDriver, url=f"sqlite:///{folder}/worker.db")
    assert connection.experiments("1").fetch().progress.observation_count == 1


def test_a_sweep_consumes_its_budget_and_its_jobs_can_be_trained_again(train: Train, folder: Path) -> None:
    small = [*SMALL, "sigopt.observation_budget=2", f"sigopt.store=sqlite:///{folder}/sweep.db"]
    result = start(
        folder, "-m", "hydra/sweeper=sigopt", "trainer.gpus=0", f"hydra.sweep.dir={folder}/sweep", *small
    )
    assert result.returncode == 0, result.stderr
    connection = sigopt.Connection(driver=LocalDriver, url=f"sqlite:///{folder}/sweep.db")
    observations = list(connection.experiments("1").observations().fetch().iterate_pages())
    assert len(observations) == 2
    overrides = list(map(str, OmegaConf.load(folder / "sweep" / "1" / ".hydra" / "overrides.yaml")))
    assert not [override for override in overrides if override.startswith(("sigopt", "hydra"))]
    again = train(*overrides, folder=folder)
    first = next(observed for observed in observations if observed.metadata["job"] == 1)
    assert f"mean_accuracy {first.values[0].value:.4f}" in again.stdout
    assert (folder / "sweep" / "observations.csv").read_text().count("\n") == 3


OWN_MODULE = """
from sigtune.tuning.common_experiments import SigOptSGDOneCycleLRExperiment
from sigtune.tuning.experiment import SigOptExperiment

class UnitsParams(SigOptExperiment):
    def update_config_with_suggestion(self, config, suggestion):
        super().update_config_with_suggestion(config, suggestion)
        config.model.linear_units = 8 * suggestion.assignments["eights_of_units"]

class Mine(UnitsParams, SigOptSGDOneCycleLRExperiment):
    pass
"""
OWN_MODEL = """
defaults:
  - dense_cnn_schema
conv_channels: [8, 8]
kernel_size: 5
"""
OWN_EXPERIMENT = """
# @package _global_
defaults:
  - /experiment/dense_cnn_onecyclelr
  - override /model: mine
  - _self_
optimizer:
  weight_decay: 0.0
sigopt:
  experiment_class: own.Mine
  parameters:
    - {name: max_lr, type: double, bounds: {min: 0.01, max: 1.5}, default_value: 0.1}
    - {name: div_factor, type: double, bounds: {min: 30, max: 100}, default_value: 50}
    - {name: pct_start, type: double, bounds: {min: 0.03, max: 0.15}, default_value: 0.15}
    - {name: eights_of_units, type: int, bounds: {min: 1, max: 5}, default_value: 2}
"""


def own_project(folder: Path, place: str) -> list[str]:
    """Write an experiment of a user's own, its class into a module at the place; return its command line."""
    for path, text in (
        (f"{place}/own.py", OWN_MODULE),
        ("mine/model/mine.yaml", OWN_MODEL),
        ("mine/experiment/mine.yaml", OWN_EXPERIMENT),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return ["--config-dir=mine", "experiment=mine"]


def test_a_user_s_own_mixin_in_a_module_where_they_run_is_named_in_the_config(
    train: Train, tmp_path: Path
) -> None:
    own = own_project(tmp_path, ".")
    created = train(*own, "sigopt.create=true")
    assert created.returncode == 0, created.stderr
    small = [override for override in SMALL if not override.startswith("model.")]
    worker = train(*own, "sigopt.experiment_id=1", *small)
    assert worker.returncode == 0, worker.stderr
    assert "'model.linear_units': 16" in worker.stdout


def test_a_user_s_own_mixin_in_a_module_of_their_python_path_is_named_in_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = own_project(tmp_path, "library")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "library"))
    created = start(tmp_path, *own, "sigopt.create=true")
    assert created.returncode == 0, created.stderr


def test_ctrl_c_ends_a_worker_with_130_and_the_next_one_is_given_the_same_assignments(
    train: Train, tmp_path: Path
) -> None:
    assert train("sigopt.create=true").returncode == 0
    command = [sys.executable, str(TRAIN), "sigopt.experiment_id=1", *SMALL]
    endless = ["trainer.max_epochs=100000"]
    worker = app_process.Popen(
        [*command, *endless], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    connection = sigopt.Connection(driver=LocalDriver, url=f"sqlite:///{tmp_path}/sigopt.db")
    experiment = connection.experiments(1)
    deadline = time.monotonic() + 600
    while not list(tmp_path.glob("outputs/*/*/checkpoints/last.ckpt")):  # it trains
        assert time.monotonic() < deadline
        assert worker.poll() is None
        time.sleep(0.1)
    (taken,) = experiment.suggestions().fetch(state="open").iterate_pages()
    worker.send_signal(signal.SIGINT)
    _, errors = worker.communicate(timeout=PATIENCE_SECONDS)
    assert errors is not None
    assert worker.returncode == 130
    assert errors.splitlines()[-1] == "interrupted"
    assert "Traceback" not in errors
    assert experiment.fetch().progress.observation_count == 0
    assert experiment.suggestions().create().assignments == taken.assignments


def test_runs_started_together_have_a_folder_each(tmp_path: Path) -> None:
    command = [sys.executable, str(TRAIN), "sigopt.create=true"]
    runs = [app_process.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [run.wait(timeout=PATIENCE_SECONDS) for run in runs] == [0, 0, 0]
    assert len(list(tmp_path.glob("outputs/*/*/.hydra"))) == 3
