"""The forms in which code written for the original SigOptExperiment calls it."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from sigtune.tuning.connection import connect
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins import OneCycleLRParams, SGDParams, StepLRParams

CONFIG: dict[str, Any] = {
    "name": "original",
    "parameters": [
        {"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}, "default_value": 0.25},
        {"name": "y", "type": "double", "bounds": {"min": 0, "max": 1}, "default_value": 0.5},
    ],
    "metrics": [{"name": "score", "objective": "maximize"}],
    "observation_budget": 6,
}
TASKS = [{"name": "few", "cost": 0.1}, {"name": "all", "cost": 1.0}]


@pytest.fixture(autouse=True)
def _local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SIGOPT_KEY", "SIGOPT_API_TOKEN", "SIGOPT_DEV_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def experiment() -> SigOptExperiment:
    """An experiment created of the constructor's config, in the folder's own store."""
    created = SigOptExperiment(None, CONFIG)
    created.create_experiment()
    return created


def values(value: float) -> list[dict[str, Any]]:
    return [{"name": "score", "value": value}]


def test_the_constructor_takes_an_experiments_id_and_a_config(experiment: SigOptExperiment) -> None:
    again = SigOptExperiment(experiment.experiment_id, CONFIG)
    assert again.get_experiment_details().name == "original"


def test_the_config_says_which_experiment_it_is_and_where(experiment: SigOptExperiment, store: str) -> None:
    there = {**CONFIG, "backend": "local", "store": store.replace("sigopt.db", "other.db")}
    SigOptExperiment(sigopt_config={**there, "name": "elsewhere"}).create_experiment()
    again = SigOptExperiment(sigopt_config={**there, "experiment_id": 1})
    assert again.get_experiment_details().name == "elsewhere"
    assert experiment.get_experiment_details().name == "original"


def test_a_connection_may_stand_in_the_configs_place(store: str) -> None:
    experiment = SigOptExperiment(None, connect("local", store))
    assert experiment.create_experiment(**CONFIG) == "1"


def test_an_experiment_is_created_of_a_block_of_hydras(store: str) -> None:
    block = OmegaConf.create(
        {"budget": 9, "sigopt": {**CONFIG, "project": None, "seed": 3, "observation_budget": "${budget}"}}
    ).sigopt
    experiment = SigOptExperiment(None, connect("local", store))
    experiment.create_experiment(block)
    assert experiment.get_experiment_details().observation_budget == 9


def test_an_observation_is_reported_for_a_suggestion_object_with_a_list_of_values(
    experiment: SigOptExperiment,
) -> None:
    suggestion = experiment.get_next_suggestion()
    experiment.update_observation(suggestion, values(0.5))
    [observation] = experiment.observations()
    assert (observation.suggestion, observation.values[0].value) == (suggestion.id, 0.5)


def test_a_value_of_a_list_may_have_a_standard_deviation(experiment: SigOptExperiment) -> None:
    experiment.update_observation(experiment.get_next_suggestion(), [{**values(0.5)[0], "value_stddev": 0.1}])
    assert experiment.observations()[0].values[0].value_stddev == 0.1


def test_a_failure_is_reported_for_a_suggestion_object(experiment: SigOptExperiment) -> None:
    experiment.update_observation(experiment.get_next_suggestion(), None)
    assert [observation.failed for observation in experiment.observations()] == [True]


def test_the_value_of_the_only_metric_is_observed_at_given_assignments(experiment: SigOptExperiment) -> None:
    observation = experiment.create_observation({"x": 0.1, "y": 0.2}, 0.75)
    assert (observation.values[0].name, observation.values[0].value) == ("score", 0.75)


def test_an_observation_at_given_assignments_has_its_task() -> None:
    experiment = SigOptExperiment(None, {**CONFIG, "tasks": TASKS})
    experiment.create_experiment()
    task = experiment.get_next_suggestion().task
    for given in (task, TASKS[0], "few"):
        experiment.create_observation({"x": 0.1, "y": 0.2}, 0.75, given)
    assert [observed.task.name for observed in experiment.observations()] == ["few", "few", task.name]


def test_a_suggestion_object_is_deleted_and_updated(experiment: SigOptExperiment) -> None:
    suggestion = experiment.get_next_suggestion()
    experiment.update_suggestion(suggestion, {"host": "a"})
    assert dict(experiment.open_suggestions()[0].metadata) == {"host": "a"}
    assert experiment.delete_suggestion(suggestion)
    assert experiment.open_suggestions() == []


def test_observations_and_open_suggestions_are_lists(experiment: SigOptExperiment) -> None:
    experiment.update_observation(experiment.get_next_suggestion(), values(0.5))
    experiment.get_next_suggestion()
    assert (len(experiment.observations()), len(experiment.open_suggestions())) == (1, 1)


def test_there_are_no_best_assignments_before_there_is_data(experiment: SigOptExperiment) -> None:
    assert experiment.get_best_assignments() is None
    experiment.create_observation({"x": 0.1, "y": 0.2}, 0.75)
    assert dict(experiment.get_best_assignments().assignments) == {"x": 0.1, "y": 0.2}


def test_two_metrics_have_a_front_of_best_assignments() -> None:
    metrics = [{"name": "score"}, {"name": "cost", "objective": "minimize"}]
    experiment = SigOptExperiment(None, {**CONFIG, "metrics": metrics})
    experiment.create_experiment()
    for x in (0.1, 0.2):
        experiment.create_observation({"x": x, "y": 0}, {"score": x, "cost": x})
    front = experiment.get_pareto_front()
    assert sorted(best.assignments["x"] for best in front) == [0.1, 0.2]
    assert experiment.get_best_assignments().assignments == front[0].assignments


def test_a_training_run_of_a_suggestion_has_its_assignments_and_its_checkpoints(
    experiment: SigOptExperiment,
) -> None:
    suggestion = experiment.get_next_suggestion()
    run = experiment.create_training_run(suggestion)
    assert run.assignments == suggestion.assignments
    assert dict(run.metadata) == {"experiment": experiment.experiment_id, "suggestion": suggestion.id}
    experiment.create_checkpoint(run, values(0.25))
    checkpoint = experiment.create_checkpoint(run.id, {"score": 0.5}, {"epoch": 2})
    assert (checkpoint.values[0].value, checkpoint.metadata["epoch"]) == (0.5, 2)
    listed = experiment.connection.training_runs(run.id).checkpoints().fetch()
    assert [entry.values[0].value for entry in listed.iterate_pages()] == [0.5, 0.25]


def test_the_execution_order_is_by_the_methods_name() -> None:
    class Both(SGDParams, OneCycleLRParams, SigOptExperiment):
        pass

    order = Both.get_execution_order()
    assert order == {"update_config_with_suggestion": ["SigOptExperiment", "OneCycleLRParams", "SGDParams"]}
    assert StepLRParams.get_execution_order()["update_config_with_suggestion"][-1] == "StepLRParams"
