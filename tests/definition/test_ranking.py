"""Which observations are the best."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigtune.definition.experiment import ExperimentDefinition, Observation
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter
from sigtune.definition.ranking import best, best_of_experiment, dominates, is_feasible
from sigtune.definition.tasks import Task

ACCURACY = Metric("accuracy")
SECONDS = Metric("seconds", "minimize")
AT_MOST_TEN_SECONDS = Metric("seconds", "minimize", "constraint", threshold=10)


@dataclass(frozen=True)
class Reported:
    """An observation with nothing but its number and its values, as any caller may have one."""

    number: int
    values: dict[str, float] | None


def reported(*accuracies: float | None) -> list[Reported]:
    """Return an observation of each accuracy, a failed one for None."""
    return [
        Reported(number, None if accuracy is None else {"accuracy": accuracy})
        for number, accuracy in enumerate(accuracies)
    ]


def timed(*pairs: tuple[float, float]) -> list[Reported]:
    """Return an observation of each accuracy and duration."""
    return [
        Reported(number, {"accuracy": accuracy, "seconds": seconds})
        for number, (accuracy, seconds) in enumerate(pairs)
    ]


def numbers(observations: list[Reported], *metrics: Metric) -> list[int]:
    return [observation.number for observation in best(observations, metrics)]


def test_the_highest_value_is_the_best() -> None:
    assert numbers(reported(0.1, 0.3, 0.2), ACCURACY) == [1]


def test_the_lowest_value_of_a_minimized_metric_is_the_best() -> None:
    assert numbers(reported(0.3, -0.1, 0.2), Metric("accuracy", "minimize")) == [1]


@pytest.mark.parametrize("objective", ["maximize", "minimize"])
def test_of_equals_the_last_is_the_best_as_on_a_sigopt_server(objective: str) -> None:
    assert numbers(reported(0.5, 0.5, 0.5), Metric("accuracy", objective)) == [2]


def test_without_an_observation_that_succeeded_there_is_no_best() -> None:
    assert numbers([], ACCURACY) == []
    assert numbers(reported(None, None), ACCURACY) == []
    assert numbers(reported(None, None), ACCURACY, SECONDS) == []


def test_a_failed_observation_is_not_the_best() -> None:
    assert numbers(reported(None, -5, None), ACCURACY) == [1]


def test_stored_metrics_do_not_count() -> None:
    observations = timed((0.9, 50), (0.8, 1))
    assert numbers(observations, ACCURACY, Metric("seconds", "minimize", "store")) == [0]


def test_with_two_metrics_the_best_are_those_that_no_other_dominates() -> None:
    observations = timed((0.9, 10), (0.8, 5), (0.8, 6), (0.7, 7), (0.95, 20), (0.9, 12), (0.5, 5))
    assert numbers(observations, ACCURACY, SECONDS) == [0, 1, 4]


def test_with_two_metrics_equals_are_on_the_front_together() -> None:
    assert numbers(timed((0.9, 10), (0.5, 20), (0.9, 10), (0.95, 30)), ACCURACY, SECONDS) == [0, 2, 3]


def test_the_best_meets_every_constraint_and_the_threshold_itself_is_allowed() -> None:
    observations = timed((0.9, 11), (0.8, 10), (0.7, 1))
    assert numbers(observations, ACCURACY, AT_MOST_TEN_SECONDS) == [1]
    assert numbers(observations[:1], ACCURACY, AT_MOST_TEN_SECONDS) == []


def test_a_maximized_constraint_is_met_from_its_threshold_upwards() -> None:
    at_least = Metric("seconds", "maximize", "constraint", threshold=10)
    assert [is_feasible({"seconds": seconds}, [at_least]) for seconds in (9, 10, 11)] == [False, True, True]


def test_the_front_of_two_metrics_is_made_of_feasible_observations() -> None:
    memory = Metric("memory", "minimize", "constraint", threshold=4)
    values = [(0.9, 10, 5), (0.8, 10, 4), (0.7, 5, 4), (0.6, 6, 1)]
    observations = [
        Reported(number, dict(zip(("accuracy", "seconds", "memory"), row, strict=True)))
        for number, row in enumerate(values)
    ]
    assert numbers(observations, ACCURACY, SECONDS, memory) == [1, 2]


# Few different values, so that ties come often.
few_values = st.sampled_from([0.0, 1.0, 2.0])


@given(st.lists(st.tuples(few_values, few_values)))
def test_the_front_is_what_nothing_dominates(pairs: list[tuple[float, float]]) -> None:
    scores = [(accuracy, -seconds) for accuracy, seconds in pairs]
    undominated = [
        number for number, own in enumerate(scores) if not any(dominates(other, own) for other in scores)
    ]
    assert numbers(timed(*pairs), ACCURACY, SECONDS) == undominated


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)))
def test_the_best_of_one_metric_is_unsurpassed_and_none_after_it_is_equal(
    accuracies: list[float | None],
) -> None:
    succeeded = [accuracy for accuracy in accuracies if accuracy is not None]
    found = numbers(reported(*accuracies), ACCURACY)
    assert len(found) == min(len(succeeded), 1)
    for number in found:
        assert accuracies[number] == max(succeeded)
        assert accuracies[number] not in accuracies[number + 1 :]


def test_the_front_is_within_the_thresholds_of_the_optimized_metrics() -> None:
    observations = timed((0.9, 10), (0.5, 5), (0.1, 1))
    assert numbers(observations, Metric("accuracy", threshold=0.6), SECONDS) == [0]


def test_with_constraints_only_every_feasible_observation_is_one_of_the_best() -> None:
    at_least = Metric("accuracy", strategy="constraint", threshold=0.5)
    assert numbers(reported(0.4, 0.9, None, 0.5), at_least) == [1, 3]


X = Parameter("x", "double", bounds=(0.0, 1.0))


def test_an_observation_of_a_cheap_task_is_not_the_best() -> None:
    definition = ExperimentDefinition((X,), (ACCURACY,), tasks=(Task("short", 0.1), Task("full", 1.0)))
    cheap = Observation({"x": 0.5}, {"accuracy": 0.9}, "short")
    full = Observation({"x": 0.1}, {"accuracy": 0.1}, "full")
    assert best_of_experiment([cheap, full], definition) == [full]


def test_several_solutions_are_good_and_far_apart() -> None:
    values = {0.0: 10.0, 0.01: 9.9, 0.02: 9.8, 0.9: 9.5, 0.5: 1.0, 1.0: 0.0, 0.3: 0.0, 0.4: 0.0, 0.6: 0.0}
    succeeded = [Observation({"x": x}, {"accuracy": value}) for x, value in values.items()]
    observations = succeeded + [Observation({"x": 0.7}, None)] * 11
    definition = ExperimentDefinition((X,), (ACCURACY,), num_solutions=2, observation_budget=20)
    assert [item.assignments["x"] for item in best_of_experiment(observations, definition)] == [0.0, 0.9]
    assert best_of_experiment([], definition) == []
