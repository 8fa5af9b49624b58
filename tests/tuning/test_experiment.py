"""An experiment used by hand, on a real SQLite store."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import sigopt
from sigopt.exception import ApiException, ConnectionException

from sigtune.backend.driver import LocalDriver
from sigtune.tuning.connection import connect
from sigtune.tuning.experiment import SigOptExperiment

DEFINITION: dict[str, Any] = {
    "name": "by hand",
    "project": "gsc_basic",
    "parameters": [
        {"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}, "default_value": 0.25},
        {"name": "n", "type": "int", "bounds": {"min": 1, "max": 9}, "default_value": 4},
    ],
    "metrics": [{"name": "score", "objective": "maximize"}],
    "observation_budget": 6,
    "parallel_bandwidth": 2,
}


@pytest.fixture
def experiment(store: str) -> SigOptExperiment:
    """An experiment just created."""
    created = SigOptExperiment(connection=connect("local", store))
    created.create_experiment(**DEFINITION)
    return created


def score(value: float) -> dict[str, float]:
    return {"score": value}


def values(observation: Any) -> dict[str, float]:
    return {value.name: value.value for value in observation.values}


def ids(suggestions: Iterable[Any]) -> list[str]:
    return [suggestion.id for suggestion in suggestions]


def test_creating_gives_the_id_and_keeps_it(store: str) -> None:
    experiment = SigOptExperiment(connection=connect("local", store))
    assert experiment.experiment_id is None
    created = experiment.create_experiment(**DEFINITION)
    assert created == experiment.experiment_id == str(experiment.get_experiment_details().id)


def test_creating_makes_the_project_and_puts_the_experiment_in_it(experiment: SigOptExperiment) -> None:
    client = experiment.connection.tokens("self").fetch().client
    in_project = experiment.connection.clients(client).projects("gsc_basic").experiments().fetch()
    assert ids(in_project.iterate_pages()) == [experiment.experiment_id]


def test_a_definition_that_sigopt_refuses_creates_nothing(store: str) -> None:
    experiment = SigOptExperiment(connection=connect("local", store))
    with pytest.raises(ApiException) as error:
        experiment.create_experiment(**{**DEFINITION, "observation_budget": 0})
    assert error.value.status_code == 400
    assert experiment.experiment_id is None
    assert experiment.connection.experiments().fetch().count == 0


def test_the_details_are_those_of_the_definition(experiment: SigOptExperiment) -> None:
    details = experiment.get_experiment_details()
    assert details.name == "by hand"
    assert [parameter.name for parameter in details.parameters] == ["n", "x"]
    assert [(metric.name, metric.objective) for metric in details.metrics] == [("score", "maximize")]
    assert (details.observation_budget, details.parallel_bandwidth) == (6, 2)


def test_the_first_suggestion_is_the_point_of_default_values(experiment: SigOptExperiment) -> None:
    assert dict(experiment.get_next_suggestion().assignments) == {"x": 0.25, "n": 4}


def test_a_suggestion_carries_the_metadata_it_was_asked_with(experiment: SigOptExperiment) -> None:
    suggestion = experiment.get_next_suggestion({"host": "a"})
    assert dict(suggestion.metadata) == {"host": "a"}


def test_a_suggestion_is_open_until_it_is_observed(experiment: SigOptExperiment) -> None:
    first, second = experiment.get_next_suggestion(), experiment.get_next_suggestion()
    assert first.assignments != second.assignments
    assert ids(experiment.open_suggestions()) == [second.id, first.id]
    experiment.update_observation(first.id, score(0.5))
    assert ids(experiment.open_suggestions()) == [second.id]


def test_an_observation_has_the_values_and_metadata_reported_for_its_suggestion(
    experiment: SigOptExperiment,
) -> None:
    suggestion = experiment.get_next_suggestion()
    experiment.update_observation(suggestion.id, score(0.5), {"job": 3})
    (observation,) = experiment.observations()
    assert observation.suggestion == suggestion.id
    assert observation.assignments == suggestion.assignments
    assert values(observation) == {"score": 0.5}
    assert observation.failed is False
    assert dict(observation.metadata) == {"job": 3}


class LosingDriver(LocalDriver):
    """Loses the first report: before it arrives, or the answer to it."""

    def __init__(self, url: str, *, arrives: bool) -> None:
        super().__init__(url)
        self._arrives = arrives
        self._is_lost = False

    def request(
        self,
        method: str,
        path: Sequence[str | int],
        data: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any] | None:
        is_report = method.upper() == "POST" and path[-1] == "observations"
        if not is_report or self._is_lost:
            return super().request(method, path, data, headers)
        self._is_lost = True
        if self._arrives:
            super().request(method, path, data, headers)
        raise ConnectionException("lost")


@pytest.mark.parametrize("arrives", [True, False], ids=["answer", "report"])
def test_a_report_that_is_lost_makes_one_observation(
    experiment: SigOptExperiment, store: str, arrives: bool
) -> None:
    losing = SigOptExperiment(
        experiment.experiment_id, sigopt.Connection(driver=LosingDriver, url=store, arrives=arrives)
    )
    losing.update_observation(losing.get_next_suggestion().id, score(0.5))
    assert [values(observation) for observation in experiment.observations()] == [{"score": 0.5}]


def test_no_values_report_a_failure_that_is_counted_and_is_never_the_best(
    experiment: SigOptExperiment,
) -> None:
    experiment.update_observation(experiment.get_next_suggestion().id, None, {"reason": "diverged"})
    (observation,) = experiment.observations()
    assert observation.failed is True
    assert dict(observation.metadata) == {"reason": "diverged"}
    assert experiment.get_observation_count() == 1
    assert experiment.get_experiment_details().progress.observation_budget_consumed == 1
    assert experiment.get_best_assignments() is None


def test_assignments_of_ones_own_can_be_observed(experiment: SigOptExperiment) -> None:
    experiment.create_observation({"x": 0.125, "n": 2}, score(0.75), metadata={"by": "hand"})
    experiment.create_observation({"x": 0.5, "n": 3}, None)
    failed, good = experiment.observations()
    assert (dict(good.assignments), values(good), dict(good.metadata)) == (
        {"x": 0.125, "n": 2},
        {"score": 0.75},
        {"by": "hand"},
    )
    assert (dict(failed.assignments), failed.failed) == ({"x": 0.5, "n": 3}, True)


def test_observations_come_newest_first_and_are_counted(experiment: SigOptExperiment) -> None:
    assert experiment.get_observation_count() == 0
    for number in range(3):
        experiment.create_observation({"x": 0.1 * number, "n": 1}, score(float(number)))
    assert [values(o)["score"] for o in experiment.observations()] == [2.0, 1.0, 0.0]
    assert experiment.get_observation_count() == 3


def test_all_observations_are_yielded_however_many_pages_they_fill(experiment: SigOptExperiment) -> None:
    for number in range(130):
        experiment.create_observation({"x": number / 130, "n": 1}, score(float(number)))
    assert [values(o)["score"] for o in experiment.observations()] == [float(n) for n in range(129, -1, -1)]


def test_the_best_assignments_are_those_of_the_highest_value(experiment: SigOptExperiment) -> None:
    for x, value in ((0.2, 0.5), (0.4, 0.9), (0.6, 0.7)):
        experiment.create_observation({"x": x, "n": 1}, score(value))
    best = experiment.get_best_assignments()
    assert dict(best.assignments) == {"x": 0.4, "n": 1}
    assert values(best) == {"score": 0.9}


def test_a_minimized_metric_has_its_best_at_the_lowest_value(store: str) -> None:
    experiment = SigOptExperiment(connection=connect("local", store))
    experiment.create_experiment(**{**DEFINITION, "metrics": [{"name": "score", "objective": "minimize"}]})
    for x, value in ((0.2, 0.5), (0.4, 0.9)):
        experiment.create_observation({"x": x, "n": 1}, score(value))
    best = experiment.get_best_assignments()
    assert values(best) == {"score": 0.5}


def test_a_deleted_suggestion_is_no_longer_open_and_the_others_are(experiment: SigOptExperiment) -> None:
    first, second = experiment.get_next_suggestion(), experiment.get_next_suggestion()
    experiment.delete_suggestion(first.id)
    assert ids(experiment.open_suggestions()) == [second.id]
    with pytest.raises(ApiException):
        experiment.update_observation(first.id, score(0.5))


def test_deleting_the_open_suggestions_leaves_the_observed_ones(experiment: SigOptExperiment) -> None:
    observed = experiment.get_next_suggestion()
    experiment.update_observation(observed.id, score(0.5))
    experiment.get_next_suggestion()
    experiment.get_next_suggestion()
    experiment.delete_open_suggestions()
    assert ids(experiment.open_suggestions()) == []
    assert [o.suggestion for o in experiment.observations()] == [observed.id]


def test_an_experiment_is_resumed_by_its_id_from_another_connection(
    experiment: SigOptExperiment, store: str
) -> None:
    suggestion = experiment.get_next_suggestion()
    resumed = SigOptExperiment(int(str(experiment.experiment_id)), connect("local", store))
    assert resumed.experiment_id == experiment.experiment_id
    resumed.update_observation(suggestion.id, score(0.5))
    assert experiment.get_observation_count() == 1


def test_without_a_connection_it_connects_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SIGOPT_KEY", "SIGOPT_API_TOKEN", "SIGOPT_DEV_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    experiment = SigOptExperiment()
    assert not (tmp_path / "sigopt.db").exists()
    experiment.create_experiment(**DEFINITION)
    assert (tmp_path / "sigopt.db").exists()


def test_before_there_is_an_experiment_the_error_says_how_to_get_one(store: str) -> None:
    with pytest.raises(ValueError, match="call create_experiment, or give an experiment_id"):
        SigOptExperiment(connection=connect("local", store)).get_experiment_details()


def test_an_experiment_that_does_not_exist_is_not_found(store: str) -> None:
    with pytest.raises(ApiException) as error:
        SigOptExperiment(99, connect("local", store)).get_experiment_details()
    assert error.value.status_code == 404
