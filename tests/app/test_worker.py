"""A single run as a worker: one suggestion taken, trained and reported, whatever becomes of it."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from tests import app_process
from tests.patience import PATIENCE_SECONDS

from sigtune.app.worker import run_one_suggestion
from sigtune.errors import JobStoppedError, Problem, UsageError
from sigtune.job.metric_values import UnusableResultError
from sigtune.tuning.budget import Budget
from sigtune.tuning.connection import connect
from sigtune.tuning.drawn_seed import drawn_seed
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.leases import new_lease

PARAMETER = {"name": "rate", "type": "double", "bounds": {"min": 0, "max": 1}, "default_value": 0.25}
DEFINITION: dict[str, Any] = {
    "name": "s",
    "parameters": [PARAMETER],
    "metrics": [{"name": "score"}, {"name": "seconds", "strategy": "store"}],
    "observation_budget": 2,
}


@pytest.fixture
def experiment(store: str) -> SigOptExperiment:
    created = SigOptExperiment(connection=connect("local", store))
    created.create_experiment(**DEFINITION)
    return created


@pytest.fixture
def random_experiment(store: str) -> SigOptExperiment:
    """An experiment whose points are random, so that no process needs to load a model."""
    created = SigOptExperiment(connection=connect("local", store))
    created.create_experiment(**{**DEFINITION, "observation_budget": 10, "type": "random"})
    return created


def config() -> DictConfig:
    return OmegaConf.create({"rate": "???"})


def work(
    experiment: SigOptExperiment,
    train: Callable[[DictConfig], Any],
    metric_order: list[str] | None = None,
) -> dict[str, float] | None:
    details = experiment.get_experiment_details()
    return run_one_suggestion(config(), experiment, details, train, metric_order)


def good(cfg: DictConfig) -> dict[str, float]:
    return {"score": cfg.rate, "seconds": 3.0, "loss": 0.5}


def raising(error: BaseException) -> Callable[[DictConfig], Any]:
    def train(cfg: DictConfig) -> Any:
        raise error

    return train


def test_the_suggestion_is_trained_and_its_metrics_reported(experiment: SigOptExperiment) -> None:
    assert work(experiment, good) == {"score": 0.25, "seconds": 3.0}
    (observation,) = experiment.observations()
    assert {value.name: value.value for value in observation.values} == {"score": 0.25, "seconds": 3.0}
    assert list(experiment.open_suggestions()) == []


def test_a_sequence_is_in_the_order_of_the_block_and_is_refused_where_no_block_has_the_order(
    experiment: SigOptExperiment,
) -> None:
    assert work(experiment, lambda cfg: [3.0, 0.5], ["seconds", "score"]) == {"score": 0.5, "seconds": 3.0}
    with pytest.raises(UsageError, match="return a mapping"):
        work(experiment, lambda cfg: [3.0, 0.5], None)
    assert experiment.get_observation_count() == 1
    assert list(experiment.open_suggestions()) == []


def test_a_worker_trains_each_suggestion_with_a_seed_of_its_own_where_that_is_asked_for(
    experiment: SigOptExperiment,
) -> None:
    seeds: dict[int, float] = {}

    def train(cfg: DictConfig) -> dict[str, float]:
        seeds[cfg.seed] = cfg.rate
        return good(cfg)

    given = OmegaConf.create({"rate": "???", "seed": 7})
    for _ in range(2):
        run_one_suggestion(given, experiment, experiment.get_experiment_details(), train, None, "seed")
    assert len({*seeds, 7}) == 3
    of_first = min(experiment.observations(), key=lambda observation: int(observation.id))
    assert drawn_seed(given, "seed", of_first) in seeds


def test_a_consumed_budget_trains_nothing(experiment: SigOptExperiment) -> None:
    for _ in range(2):
        work(experiment, good)
    assert work(experiment, raising(AssertionError())) is None
    assert experiment.get_observation_count() == 2


@pytest.mark.parametrize(
    ("train", "error", "reason"),
    [
        (raising(RuntimeError("out of memory")), RuntimeError, "RuntimeError: out of memory"),
        (lambda cfg: {"score": float("nan"), "seconds": 1}, UnusableResultError, "metric score is nan"),
        (lambda cfg: {"score": 1}, UnusableResultError, "metric seconds is missing"),
        (lambda cfg: None, UnusableResultError, "the job returned None"),
    ],
    ids=["raise", "nan", "missing", "nothing"],
)
def test_a_failed_training_is_a_failed_observation_with_its_reason_and_is_raised(
    experiment: SigOptExperiment, train: Callable[[DictConfig], Any], error: Any, reason: str
) -> None:
    with pytest.raises(error):
        work(experiment, train)
    (observation,) = experiment.observations()
    assert observation.failed is True
    assert observation.metadata["reason"].startswith(reason)


@pytest.mark.parametrize(
    "error",
    [UsageError([Problem("data.root", "no such folder")]), KeyboardInterrupt(), JobStoppedError()],
    ids=["wrong input", "Ctrl-C", "stopped"],
)
def test_what_is_no_fault_of_the_suggestion_takes_no_budget_and_the_next_worker_is_given_the_same(
    experiment: SigOptExperiment, error: Any
) -> None:
    with pytest.raises(type(error)):
        work(experiment, raising(error))
    assert experiment.get_observation_count() == 0
    assert list(experiment.open_suggestions()) == []
    (taken, other) = (work(experiment, good) or {} for _ in range(2))
    assert (taken["score"], other["score"] != 0.25) == (0.25, True)


WORK_UNTIL_THE_END = """
import sys
from omegaconf import OmegaConf
from sigtune.app.worker import run_one_suggestion
from sigtune.tuning.connection import connect
from sigtune.tuning.experiment import SigOptExperiment

experiment = SigOptExperiment(1, connect("local", sys.argv[1]))
config = OmegaConf.create({"rate": "???"})

def train(cfg):
    return {"score": cfg.rate, "seconds": 1.0}

while run_one_suggestion(config, experiment, experiment.get_experiment_details(), train, None):
    pass
"""


def at_once(count: int, script: str, store: str, folder: Path) -> list[str]:
    """Run a script in several processes at the same time, and return what each has printed."""
    path = folder / "script.py"
    path.write_text(script)
    processes = [
        app_process.Popen([sys.executable, path, store], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(count)
    ]
    printed = [str(process.communicate(timeout=PATIENCE_SECONDS)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * count, printed
    return printed


def test_eight_workers_at_once_make_as_many_observations_as_the_budget_has(
    random_experiment: SigOptExperiment, store: str, tmp_path: Path
) -> None:
    at_once(8, WORK_UNTIL_THE_END, store, tmp_path)
    assert random_experiment.get_observation_count() == 10
    assert list(random_experiment.open_suggestions()) == []


class BusyExperiment(SigOptExperiment):
    """An experiment on which another worker reports as soon as the open suggestions were read."""

    def open_suggestions(self) -> list[Any]:
        found = super().open_suggestions()
        if len(found) > 1:
            self.update_observation(found[-1].id, {"score": 1.0, "seconds": 1.0})
        return found


def test_a_report_between_two_readings_of_the_budget_takes_no_suggestion_from_it(
    random_experiment: SigOptExperiment, store: str
) -> None:
    for _ in range(9):
        random_experiment.get_next_suggestion(lease("elsewhere", time.time() + 60))
    busy = BusyExperiment(random_experiment.experiment_id, connect("local", store))
    the_tenth = busy.get_next_suggestion(new_lease())
    assert not Budget(busy).exceeds(the_tenth)
    assert random_experiment.get_observation_count() == 9


def lease(host: str, expiry: float) -> dict[str, Any]:
    return {"lease_host": host, "lease_pid": 1, "lease_expiry": expiry}


def test_a_suggestion_whose_lease_has_run_out_goes_to_the_next_worker(experiment: SigOptExperiment) -> None:
    abandoned = experiment.get_next_suggestion(lease("elsewhere", time.time() - 1))
    assert (work(experiment, good) or {})["score"] == abandoned.assignments["rate"]
    assert list(experiment.open_suggestions()) == []


def test_a_worker_that_lives_keeps_its_suggestion_whatever_the_clock_says(
    experiment: SigOptExperiment,
) -> None:
    """As after a clock that jumped, or a machine that slept."""
    kept = experiment.get_next_suggestion({**new_lease(), "lease_expiry": time.time() - 3600})
    work(experiment, good)
    assert [suggestion.id for suggestion in experiment.open_suggestions()] == [kept.id]


def test_a_suggestion_goes_to_the_next_worker_where_another_process_has_the_id_of_its_own(
    experiment: SigOptExperiment,
) -> None:
    abandoned = experiment.get_next_suggestion({**new_lease(), "lease_started": "before the last boot"})
    assert (work(experiment, good) or {})["score"] == abandoned.assignments["rate"]
    assert list(experiment.open_suggestions()) == []


DRAW_WITH_A_LEASE = """
import sys
from sigtune.tuning.connection import connect
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.leases import new_lease

experiment = SigOptExperiment(1, connect("local", sys.argv[1]))
print(experiment.get_next_suggestion(new_lease()).assignments["rate"])
"""


def test_a_suggestion_of_a_process_that_is_gone_goes_to_the_next_worker(
    experiment: SigOptExperiment, store: str, tmp_path: Path
) -> None:
    (drawn,) = at_once(1, DRAW_WITH_A_LEASE, store, tmp_path)
    assert (work(experiment, good) or {})["score"] == float(drawn)


def test_what_others_train_is_left_to_them_and_counts(experiment: SigOptExperiment) -> None:
    for _ in range(2):
        experiment.get_next_suggestion(lease("elsewhere", time.time() + 60))
    assert work(experiment, raising(AssertionError())) is None
    assert len(list(experiment.open_suggestions())) == 2


DRAW_THREE = """
import sys
from sigtune.tuning.connection import connect
from sigtune.tuning.experiment import SigOptExperiment

experiment = SigOptExperiment(1, connect("local", sys.argv[1]))
for _ in range(3):
    print(experiment.get_next_suggestion().assignments["rate"])
"""


def test_workers_at_the_same_time_are_given_different_suggestions(
    experiment: SigOptExperiment, store: str, tmp_path: Path
) -> None:
    drawn = [printed.split() for printed in at_once(2, DRAW_THREE, store, tmp_path)]
    assert [len(values) for values in drawn] == [3, 3]
    assert len({*drawn[0], *drawn[1]}) == 6
    assert len(list(experiment.open_suggestions())) == 6
