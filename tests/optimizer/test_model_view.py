"""What the models believe, as pages show it."""

from __future__ import annotations

import pytest
from tests.optimizer.searches import SCORE, SQUARE, Point, bowl, definition, observed, scores

from sigtune.definition.experiment import ExperimentDefinition, Observation
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter
from sigtune.optimizer.model_view import (
    Prediction,
    along,
    contour_points,
    feasible_points,
    predicted_best,
    predictions,
    slice_points,
)
from sigtune.optimizer.space_filling import fill

OUTCOMES = observed(fill(definition(), 40, 5), bowl)
X, Y = SQUARE


def best_observed(searched: ExperimentDefinition, outcomes: list[Observation]) -> Prediction | None:
    feasible = feasible_points(searched, outcomes)
    return predicted_best(predictions(searched, outcomes, SCORE[0], feasible, 0), SCORE[0])


def test_predictions_are_in_the_metrics_units_and_hold_the_truth() -> None:
    points: list[Point] = [{"x": 0.6, "y": 0.3}, {"x": 0.2, "y": 0.8}]
    for found, point in zip(predictions(definition(), OUTCOMES, SCORE[0], points, 0), points, strict=True):
        truth = bowl(point)["score"]
        assert found.assignments == point
        assert found.low <= found.median <= found.high
        assert found.median == pytest.approx(truth, abs=0.05)


def test_a_minimized_metric_has_its_own_sign() -> None:
    loss = Metric("score", "minimize")
    losses = observed(fill(definition(), 40, 5), lambda at: {"score": -bowl(at)["score"]})
    [found] = predictions(definition(metrics=[loss]), losses, loss, [{"x": 0.2, "y": 0.8}], 0)
    assert found.low <= found.median <= found.high
    assert found.median == pytest.approx(0.63, abs=0.05)


def test_the_predicted_best_is_not_a_lucky_one_and_has_its_uncertainty() -> None:
    lucky = Observation({"x": 0.1, "y": 0.9}, {"score": 0.2}, stddevs={"score": 1.0})
    found = best_observed(definition(), [*OUTCOMES, lucky])
    assert found is not None
    assert bowl(found.assignments)["score"] == max(scores(OUTCOMES))
    assert found.low <= found.median <= found.high < 0.1


def test_the_predicted_best_is_feasible() -> None:
    outcomes = observed(fill(definition(), 20, 5), lambda at: {**bowl(at), "cost": at["x"]})
    limit = Metric("cost", "minimize", "constraint", 0.4)
    found = best_observed(definition(metrics=[*SCORE, limit]), outcomes)
    assert found is not None
    assert float(found.assignments["x"]) <= 0.4
    assert best_observed(definition(), []) is None


def test_of_nothing_and_of_equals_there_is_no_view() -> None:
    point: Point = {"x": 0.5, "y": 0.5}
    equal = observed([point, {"x": 0.1, "y": 0.1}], lambda _: {"score": 1.0})
    assert predictions(definition(), [], SCORE[0], [point], 0) == []
    assert predictions(definition(), equal, SCORE[0], [point], 0) == []


def test_a_slice_and_a_contour_go_from_end_to_end() -> None:
    through: Point = {"x": 0.5, "y": 0.25}
    assert [point["x"] for point in slice_points(X, through, steps=3)] == [0.0, 0.5, 1.0]
    assert {point["y"] for point in slice_points(X, through, steps=3)} == {0.25}
    assert len(contour_points(X, Y, through, steps=4)) == 16
    assert along(Parameter("n", "int", bounds=(1.0, 3.0)), 50) == [1, 2, 3]
