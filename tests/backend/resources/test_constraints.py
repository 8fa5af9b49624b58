"""Metrics with strategy `constraint`: a threshold that the best assignments have to meet."""

from typing import Any

import pytest
from sigopt.resource import BoundApiResource
from tests.fixture_types import Start

SCORE = {"name": "score", "objective": "maximize"}
COST = {"name": "cost", "objective": "minimize", "strategy": "constraint", "threshold": 0.5}
ONE = [{"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}}]


def best_scores(search: BoundApiResource) -> list[float]:
    best = search.best_assignments().fetch().iterate_pages()
    return [next(value.value for value in entry.values if value.name == "score") for entry in best]


def observe(search: BoundApiResource, x: float, **values: float) -> None:
    listed = [{"name": name, "value": value} for name, value in values.items()]
    search.observations().create(assignments={"x": x}, values=listed)


def test_a_constraint_keeps_its_threshold(start: Start) -> None:
    cost, _ = start(metrics=[SCORE, COST]).fetch().metrics
    assert (cost.strategy, cost.threshold) == ("constraint", 0.5)


@pytest.mark.parametrize(("objective", "met"), [("minimize", [0.25, 0.5]), ("maximize", [0.5, 0.75])])
def test_the_best_meets_the_threshold_which_is_itself_allowed(
    start: Start, objective: str, met: list[float]
) -> None:
    search = start(metrics=[SCORE, {**COST, "objective": objective}], parameters=ONE)
    observe(search, 0.9, score=10, cost=0.25 if objective == "maximize" else 0.75)
    assert best_scores(search) == []
    for x, cost in enumerate(met):
        observe(search, x / 10, score=x, cost=cost)
    assert best_scores(search) == [1]


def test_the_pareto_front_of_two_metrics_meets_the_threshold(start: Start) -> None:
    other = {"name": "speed", "objective": "maximize"}
    search = start(metrics=[SCORE, other, COST], parameters=ONE)
    for x, (score, speed, cost) in enumerate([(3, 1, 0.1), (1, 3, 0.2), (2, 2, 0.9), (1, 1, 0.1)]):
        observe(search, x / 10, score=score, speed=speed, cost=cost)
    assert best_scores(search) == [3, 1]


@pytest.mark.parametrize("metrics", [[SCORE, COST], [SCORE, {"name": "speed"}, COST]], ids=["one", "two"])
def test_suggestions_of_the_model_stay_where_the_constraint_is_met(
    start: Start, metrics: list[dict[str, Any]]
) -> None:
    # The score grows with x and the cost is x: the best allowed point is x = 0.5.
    search = start(metrics=metrics, parameters=ONE, observation_budget=30)
    drawn = []
    for _ in range(9):
        suggestion = search.suggestions().create()
        x = suggestion.assignments["x"]
        drawn.append(x)
        values = {"score": x, "speed": 1 - x, "cost": x}
        listed = [{"name": metric["name"], "value": values[metric["name"]]} for metric in metrics]
        search.observations().create(suggestion=suggestion.id, values=listed)
    # Once nothing is left to gain there, one look at where the model knows nothing yet is allowed.
    assert sum(x >= 0.6 for x in drawn[-4:]) <= 1
    assert 0.49 < max(x for x in drawn if x <= 0.5) <= 0.5
    assert 0.4 < max(best_scores(search)) <= 0.5


def test_a_failed_observation_has_no_value_to_meet_a_threshold_with_and_stops_nothing(start: Start) -> None:
    search = start(metrics=[SCORE, COST], parameters=ONE, observation_budget=30)
    for number in range(7):
        suggestion = search.suggestions().create()
        if number % 2:
            search.observations().create(suggestion=suggestion.id, failed=True)
        else:
            values = [{"name": "score", "value": suggestion.assignments["x"]}, {"name": "cost", "value": 0.1}]
            search.observations().create(suggestion=suggestion.id, values=values)
    assert search.fetch().progress.observation_count == 7
    assert len(best_scores(search)) == 1
