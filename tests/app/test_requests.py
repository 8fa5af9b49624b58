"""How often a run asks SigOpt: every check is made once, and hands on what it has opened."""

import sys
from pathlib import Path

import pytest
from tests import app_process
from tests.app.train import TRAIN, Train
from tests.patience import PATIENCE_SECONDS

# train.py over a backend that writes down each store that is opened, and each request.
COUNTING = f"""
import runpy, sys
from sigtune.backend import driver

def note(*words):
    with open("requests.txt", "a") as file:
        print(*words, file=file)

make, ask = driver.LocalDriver.__init__, driver.LocalDriver.request

def counted_make(self, *args, **kwargs):
    note("open")
    make(self, *args, **kwargs)

def counted_ask(self, method, path, data, headers=None):
    note(method.upper(), "/".join(map(str, path)))
    return ask(self, method, path, data, headers)

# In place: the driver that repeats requests is made from this class.
driver.LocalDriver.__init__, driver.LocalDriver.request = counted_make, counted_ask
sys.argv[0] = {str(TRAIN)!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
SMALL = ("trainer.fast_dev_run=true", "data.train_size=24", "data.validation_size=24", "data.test_size=24")
WITHOUT_CALLBACK = "~hydra.callbacks.run_check"


def requests_of(folder: Path, *arguments: str) -> list[str]:
    """Return what a run of train.py, with a good end, has asked of its store."""
    (folder / "counting.py").write_text(COUNTING)
    command = [sys.executable, str(folder / "counting.py"), *arguments]
    result = app_process.run(command, cwd=folder, capture_output=True, timeout=PATIENCE_SECONDS)
    assert result.returncode == 0, result.stderr
    return (folder / "requests.txt").read_text().splitlines()


@pytest.mark.parametrize("callback", [(), (WITHOUT_CALLBACK,)], ids=["with RunCheck", "without"])
def test_a_worker_opens_the_store_once_and_checks_its_experiment_once(
    train: Train, tmp_path: Path, callback: tuple[str, ...]
) -> None:
    assert train("sigopt.create=true").returncode == 0
    assert requests_of(tmp_path, "sigopt.experiment_id=1", *SMALL, *callback) == [
        "open",
        "GET experiments/1",  # for every check
        "GET experiments/1/suggestions",  # whether a dead worker left one
        "POST experiments/1/suggestions",
        "GET experiments/1/suggestions",  # whether the budget has room for it beside the older ones
        "GET experiments/1",
        "POST experiments/1/observations",
    ]


def test_creating_opens_the_store_once(tmp_path: Path) -> None:
    asked = requests_of(tmp_path, "sigopt.create=true")
    assert asked.count("open") == 1
    assert asked.count("POST experiments") == 1
    assert not [request for request in asked if request.startswith("GET experiments")]


@pytest.mark.parametrize(
    "wrong", ["sigopt.experiment_id=99", "sigopt.create=true sigopt.observation_budget=0", "trainer.gpus=99"]
)
def test_a_config_without_the_callback_is_checked_too(train: Train, tmp_path: Path, wrong: str) -> None:
    result = train(WITHOUT_CALLBACK, *wrong.split())
    assert result.returncode == 2
    assert result.stderr.startswith("error: 1 problem in the configuration\n")
    assert list(tmp_path.iterdir()) == []
