"""The observations as what a model is fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.optimizer.searches import SCORE, Point, bowl, definition, observed, scores

from sigtune.definition.experiment import Observation
from sigtune.definition.metrics import Metric
from sigtune.optimizer.scores import Scale
from sigtune.optimizer.space_filling import fill
from sigtune.optimizer.training_data import Target, training_data

SPREAD = fill(definition(), 14, seed=5)
AT_THE_BEST: list[Point] = [{"x": 0.73 + 1e-4 * step, "y": 0.21 - 2e-4 * step} for step in range(1, 13)]


def steep(at: Point) -> dict[str, float]:
    """Return a score that falls by five orders of magnitude from end to end."""
    return {"score": -(10.0 ** (5 * at["x"] + at["y"]))}


def target(outcomes: list[Observation], solutions: int = 1) -> Target:
    data = training_data(definition(num_solutions=solutions, observation_budget=30), outcomes, None, 0)
    assert data is not None
    return data.optimized[0]


def scale(outcomes: list[Observation], solutions: int = 1) -> Scale:
    found = target(outcomes, solutions).scale
    assert isinstance(found, Scale)
    return found


@pytest.mark.parametrize("failures", [0, 4])
def test_many_points_at_the_best_do_not_make_their_last_digits_the_scale(failures: int) -> None:
    failed = observed(fill(definition(), failures, seed=9), lambda _: None)
    with_one = scale([*observed([*SPREAD, AT_THE_BEST[0]], bowl), *failed])
    with_all = scale([*observed([*SPREAD, *AT_THE_BEST], bowl), *failed])
    assert with_all.unit > with_one.unit / 100
    assert with_all.unit > 1e3 * abs(scores(observed(AT_THE_BEST, bowl))[-1])


def test_a_metric_of_many_orders_is_on_a_logarithmic_scale() -> None:
    found = scale(observed(SPREAD, steep))
    assert found.is_logarithmic
    assert found.unit < found.ceiling / 1e3


def test_several_solutions_are_told_apart_on_a_linear_scale() -> None:
    assert not scale(observed(SPREAD, steep), solutions=2).is_logarithmic


def test_of_hundreds_of_observations_the_scale_is_that_of_some_of_them() -> None:
    many = scale(observed(fill(definition(), 250, seed=5), steep))
    assert many.is_logarithmic
    assert many.unit < many.ceiling / 1e3


def test_what_failed_is_neither_feasible_nor_a_success() -> None:
    limit = Metric("limit", "minimize", "constraint", 1.0)
    space = definition(metrics=(Metric("score"), limit))
    outcomes = observed(SPREAD, lambda at: {**bowl(at), "limit": at["x"]} if at["x"] < 0.7 else None)
    data = training_data(space, outcomes, None, 0)
    assert data is not None
    assert 0 < data.succeeded.sum() < len(SPREAD)
    assert (data.feasible_rows[:, 0] < 0.7).all()
    assert (data.own_rows == data.feasible_rows).all()
    assert ((data.margins > 0) == data.succeeded).all()


@pytest.mark.parametrize("successes", [3, 9, 14])
def test_what_is_far_off_is_modelled_where_a_failure_is_with_more_doubt(successes: int) -> None:
    others, at = observed(SPREAD[:successes], bowl), AT_THE_BEST[0]
    failed = target([*others, Observation(at, None)])
    for value in (-1e6, -1e300):
        far_off = target([*others, Observation(at, {"score": value}, stddevs={"score": 0.1})])
        assert far_off.scale == failed.scale
        assert (far_off.scores == failed.scores).all()
        assert far_off.noise == pytest.approx([*[np.nan] * successes, 2.0], nan_ok=True)
        assert far_off.counts.tolist() == [True] * successes + [False]
    assert failed.noise == pytest.approx([*[np.nan] * successes, 1.0], nan_ok=True)


def test_of_two_metrics_a_failure_and_what_is_far_off_say_less() -> None:
    def evaluate(at: Point) -> dict[str, float]:
        return {**bowl(at), "height": at["y"]}

    known, (first, second) = observed(SPREAD, evaluate), AT_THE_BEST[:2]
    outcomes = [*known, Observation(first, None), Observation(second, {"score": -1e6, "height": 0.2})]
    data = training_data(definition(metrics=[Metric("score"), Metric("height")]), outcomes, None, 0)
    assert data is not None
    score, height = (target.noise[len(known) :].tolist() for target in data.optimized)
    assert score == [4.0, 4.0]
    assert height == pytest.approx([4.0, np.nan], nan_ok=True)


def edge(*heights: float) -> list[Point]:
    """Return points of equal scores, at the best of `plateau`."""
    return [{"x": 0.95, "y": height} for height in heights]


def plateau(at: Point) -> dict[str, float]:
    """Return a score that is the same, the best, where x is high, and how high that is."""
    return {"score": min(at["x"], 0.9), "height": at["y"]}


def least_gain(
    outcomes: list[Observation], *, leaves_flat: bool = True, metrics: Sequence[Metric] = SCORE
) -> float:
    data = training_data(definition(metrics=metrics), outcomes, None, 0, leaves_flat=leaves_flat)
    assert data is not None
    return data.optimized[0].least_gain


BELOW = [at for at in fill(definition(), 20, seed=5) if float(at["x"]) < 0.85]
FLAT = observed([*BELOW, *edge(0.2, 0.5, 0.8)], plateau)


def test_where_the_best_is_flat_whoever_leaves_it_is_to_gain_something() -> None:
    assert least_gain(FLAT) > 0
    assert least_gain(FLAT, leaves_flat=False) == 0


@pytest.mark.parametrize("heights", [(0.2, 0.5), (0.5, 0.52, 0.54)])
def test_two_points_or_near_ones_do_not_make_the_best_flat(heights: tuple[float, ...]) -> None:
    assert least_gain(observed([*BELOW, *edge(*heights)], plateau)) == 0


def test_a_flat_best_that_misses_a_constraint_is_not_the_best() -> None:
    missed = (*SCORE, Metric("height", objective="maximize", strategy="constraint", threshold=0.6))
    met = (*SCORE, Metric("height", objective="maximize", strategy="constraint", threshold=0.1))
    never_met = (*SCORE, Metric("height", objective="maximize", strategy="constraint", threshold=2.0))
    assert least_gain(FLAT, metrics=missed) == 0
    assert least_gain(FLAT, metrics=never_met) == 0
    assert least_gain(FLAT, metrics=met) > 0


def test_two_metrics_have_a_front_and_no_flat_best() -> None:
    both = (*SCORE, Metric("height"))
    assert least_gain(FLAT, metrics=both) == 0
