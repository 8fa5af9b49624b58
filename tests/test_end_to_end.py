"""`train.py` as its users type it, on small data."""

import subprocess
import sys
from pathlib import Path

import pytest
import sigopt
from omegaconf import OmegaConf

from sigtune.backend.driver import LocalDriver

ROOT = Path(__file__).parent.parent
EXPERIMENTS = sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))
SMALL = [
    "trainer.max_epochs=1",
    "model.linear_units=32",
    "data.train_size=240",
    "data.validation_size=72",
    "data.test_size=72",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("app")


def train(folder, *arguments):
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_trains_from_its_default_values(folder, experiment):
    result = train(folder, f"experiment={experiment}", *SMALL)
    assert result.returncode == 0, result.stderr
    assert "mean_accuracy" in result.stdout


def test_creating_tells_the_id_and_a_worker_trains_and_reports_one_suggestion(folder):
    store = f"sigopt.store=sqlite:///{folder}/worker.db"
    created = train(folder, "sigopt.create=true", store)
    assert created.returncode == 0, created.stderr
    assert "experiment 1" in created.stdout
    assert "-m hydra/sweeper=sigopt" in created.stdout
    worker = train(folder, "sigopt.experiment_id=1", store, *SMALL)
    assert worker.returncode == 0, worker.stderr
    connection = sigopt.Connection(driver=LocalDriver, url=f"sqlite:///{folder}/worker.db")
    assert connection.experiments("1").fetch().progress.observation_count == 1


def test_a_sweep_consumes_its_budget_and_its_jobs_can_be_trained_again(folder):
    small = [*SMALL, "sigopt.observation_budget=2", f"sigopt.store=sqlite:///{folder}/sweep.db"]
    result = train(
        folder, "-m", "hydra/sweeper=sigopt", "trainer.gpus=0", f"hydra.sweep.dir={folder}/sweep", *small
    )
    assert result.returncode == 0, result.stderr
    connection = sigopt.Connection(driver=LocalDriver, url=f"sqlite:///{folder}/sweep.db")
    observations = list(connection.experiments("1").observations().fetch().iterate_pages())
    assert len(observations) == 2
    overrides = OmegaConf.load(folder / "sweep" / "1" / ".hydra" / "overrides.yaml")
    assert not [override for override in overrides if override.startswith(("sigopt", "hydra"))]
    again = train(folder, *overrides)
    first = next(observed for observed in observations if observed.metadata["job"] == 1)
    assert f"mean_accuracy {first.values[0].value:.4f}" in again.stdout
    assert (folder / "sweep" / "observations.csv").read_text().count("\n") == 3
