"""What every test has: an environment without its caller's settings, and connections to real stores."""

import gc
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sigopt import Connection
from sigopt.objects import Observation, Suggestion
from sigopt.resource import BoundApiResource

from sigtune.backend.driver import LocalDriver
from tests.app_process import TEST_RUN
from tests.fixture_types import Connect, Define, Report, Start

# Before numpy and torch are loaded: in a small computation a second thread only waits, at full speed, on a
# core that another process of the test run could use. A test of threads sets their number itself.
os.environ["OMP_NUM_THREADS"] = "1"

# What is imported and collected stays to the end: collecting garbage would go through it time after time.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage from here on, among what the tests make: seldom, as most of them make little."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()


# A shell starts what runs in the background deaf to Ctrl-C, and so would be what a test interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, and however slow the machine is.
settings.register_profile(
    "repository", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repository")

# Where these are set, sigtune, Hydra, Lightning, OpenMP or rich behave otherwise.
# The GPUs stay the caller's choice.
SETTINGS_OF_THE_CALLER = (
    *("SIGOPT_", "HYDRA_", "SLURM", "SBATCH_", "SRUN_", "RAY_", "MASTER_", "PL_"),
    *(
        "WORLD_SIZE",
        "RANK",
        "LOCAL_RANK",
        "NODE_RANK",
        "GROUP_RANK",
        "OMP_",
        "MKL_",
        "FORCE_COLOR",
        "COLUMNS",
    ),
)


# Each takes some hundred MB. One more has torch and sigtune imported, and forks them and the runs of scripts.
MOST_PROCESSES = 8
os.environ.setdefault(TEST_RUN, str(os.getpid()))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Four processes more than there are cores, for a test that starts a search waits most of its time."""
    return min(len(os.sched_getaffinity(0)) + 4, MOST_PROCESSES)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """Fork the processes, unless lines are counted: what runs while a module is imported would be missed."""
    if config.getoption("cov_source", None):
        return
    interpreter = [sys.executable, str(Path(__file__).with_name("xdist_interpreter.py"))]
    for spec in specs:
        spec.python = shlex.join(interpreter)


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Iterator[None]:
    """Hide the caller's settings from the tests, and from the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(SETTINGS_OF_THE_CALLER) and name != "OMP_NUM_THREADS":
                patch.delenv(name)
        yield


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a function that opens a store by its URL; every store is closed at the end."""
    drivers: list[LocalDriver] = []

    def open_store(url: str, seed: int = 0) -> Connection:
        drivers.append(LocalDriver(url, seed=seed))
        return Connection(driver=lambda: drivers[-1])

    yield open_store
    for driver in drivers:
        driver.close()


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The URL of a local backend's database that is not there yet."""
    return f"sqlite:///{tmp_path / 'sigopt.db'}"


@pytest.fixture(params=["sqlite"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store of each kind that the backend must behave alike on."""
    return {"sqlite": f"sqlite:///{tmp_path / 'sigopt.db'}"}[request.param]


@pytest.fixture
def connection(connect: Connect, store_url: str) -> Connection:
    """A connection to an empty store, with seed 0."""
    return connect(store_url)


@pytest.fixture
def define() -> Define:
    """Return a function that gives a valid definition of an experiment, with changes."""

    def definition(**changes: Any) -> dict[str, Any]:
        return {
            "name": "search",
            "parameters": [
                {"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}},
                {"name": "y", "type": "double", "bounds": {"min": 0, "max": 1}},
            ],
            "metrics": [{"name": "score", "objective": "maximize"}],
            "observation_budget": 20,
            **changes,
        }

    return definition


@pytest.fixture
def start(connection: Connection, define: Define) -> Start:
    """Return a function that creates an experiment and gives its endpoint in the client."""

    def create(**changes: Any) -> BoundApiResource:
        return connection.experiments(connection.experiments().create(**define(**changes)).id)

    return create


@pytest.fixture
def report() -> Report:
    """Return a function that reports metric values on a suggestion."""

    def create(search: BoundApiResource, suggestion: Suggestion, **values: float) -> Observation:
        listed = [{"name": name, "value": value} for name, value in values.items()]
        return search.observations().create(suggestion=suggestion.id, values=listed)

    return create
