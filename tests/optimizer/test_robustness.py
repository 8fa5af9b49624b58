"""Values and spaces that are hard on a model do not stop or blind the search."""

from __future__ import annotations

import itertools
import math
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.optimizer.searches import SQUARE, Point, bowl, definition, observed, point, points, scores, search
from tests.patience import PATIENCE_SECONDS

from sigtune.definition.constraints import LinearConstraint, Term
from sigtune.definition.experiment import Observation
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import BetaPrior, NormalPrior, Parameter, parse_value
from sigtune.optimizer.space_filling import fill

TWELVE = fill(definition(), 12, seed=5)


def best_after(outcomes: list[Observation], count: int) -> float:
    """Return the best score of a search that goes on from these outcomes."""
    outcomes = list(outcomes)
    for _ in range(count):
        at = point(definition(), outcomes, index=len(outcomes))
        outcomes.append(Observation(at, bowl(at)))
    return max(scores(outcomes))


@pytest.mark.parametrize("bad", [-1e6, -1e300, -1.7e308])
def test_one_value_that_is_far_off_does_not_blind_the_model(bad: float) -> None:
    outcomes = observed(TWELVE[:8], bowl)
    assert max(scores(outcomes)) < -0.04
    outcomes[4] = Observation(TWELVE[4], {"score": bad})  # the point that is the worst anyhow
    assert best_after(outcomes, 5) > -0.01


@pytest.mark.parametrize("seed", [1, 3, 7])
def test_a_slip_where_the_model_looked_first_does_not_keep_the_search_from_there(seed: int) -> None:
    numbers = itertools.count()
    outcomes = search(definition(), lambda at: {"score": -1e6} if next(numbers) == 3 else bowl(at), 10, seed)
    assert max(scores(outcomes)) > -0.01


@pytest.mark.parametrize("seed", [2, 3, 9])
def test_jobs_that_fail_anywhere_do_not_keep_the_search_from_the_best(seed: int) -> None:
    flaky = random.Random(seed)
    outcomes = search(definition(), lambda at: None if flaky.random() < 0.25 else bowl(at), 18, seed)
    assert max(scores(outcomes)) > -0.01


def test_a_span_of_twenty_orders_does_not_blind_the_model() -> None:
    space = definition(metrics=[*definition().metrics])

    def evaluate(at: Point) -> dict[str, float]:
        return {"score": -(10 ** (20 * math.sqrt(-bowl(at)["score"])))}

    outcomes = search(space, evaluate, 16)
    assert max(scores(outcomes)) > -(10**1.5)


def test_one_success_among_failures_is_where_the_search_goes_on() -> None:
    corners: list[Point] = [{"x": x, "y": y} for x in (0.05, 0.5, 0.95) for y in (0.05, 0.5, 0.95)]
    outcomes = [Observation(each, None) for each in corners]
    success: Point = {"x": 0.3, "y": 0.7}
    outcomes.append(Observation(success, {"score": 1.0}))
    suggested = [point(definition(), outcomes, index=10 + index) for index in range(5)]
    distances = sorted(math.dist(each.values(), success.values()) for each in suggested)
    assert distances[3] < 0.2  # one of five may look where the failures leave room


@pytest.mark.parametrize("value", [0.0, 1.0, -1e300, 5e-324])
def test_with_equal_values_only_the_space_is_filled(value: float) -> None:
    outcomes = search(definition(), lambda _: {"score": value}, 9)
    assert [outcome.assignments for outcome in outcomes] == points(definition(), 9)


def test_a_point_observed_again_with_other_values_is_noise() -> None:
    again = [Observation({"x": 0.9, "y": 0.9}, {"score": value}) for value in (0.5, -2.0, -1.5, -1.9)]
    outcomes = [*observed(TWELVE, bowl), *again]
    assert bowl(point(definition(), outcomes, index=16))["score"] > -0.3


def test_noise_does_not_hide_a_trend() -> None:
    noise = random.Random(1)
    outcomes = search(definition(), lambda at: {"score": bowl(at)["score"] + noise.gauss(0, 0.1)}, 18)
    later = [bowl(outcome.assignments)["score"] for outcome in outcomes[10:]]
    assert sorted(later)[len(later) // 2] > -0.15


def test_one_parameter_is_enough() -> None:
    space = definition([Parameter("x", "double", bounds=(-5.0, 5.0))])
    outcomes = search(space, lambda at: {"score": -((at["x"] - 2) ** 2)}, 12)
    assert max(scores(outcomes)) > -0.01


def test_fifty_parameters_are_not_too_many() -> None:
    space = definition([Parameter(f"x{index}", "double", bounds=(0.0, 1.0)) for index in range(50)])
    outcomes = observed(fill(space, 30, 0), lambda at: {"score": -abs(at["x0"] - 0.8)})
    assert len(point(space, outcomes, index=30)) == 50


@pytest.mark.parametrize(
    "bounds",
    [
        (1.0, 1.0 + 1e-12),
        (-1e12, 1e12),
        (-1.7e308, 1.7e308),
        (0.0, 5e-324),
    ],
)
def test_bounds_of_any_width_are_searched(bounds: tuple[float, float]) -> None:
    parameter = Parameter("x", "double", bounds=bounds)
    middle = bounds[0] / 2 + bounds[1] / 2
    space = definition([parameter])
    outcomes = search(space, lambda at: {"score": -abs(at["x"] / 2 - middle / 2)}, 8)
    for outcome in outcomes:
        parse_value(parameter, outcome.assignments["x"])


LARGEST = 1.7e308
WIDE = (
    Parameter("x", "double", bounds=(-LARGEST, LARGEST)),
    Parameter("y", "double", bounds=(-1.0, LARGEST)),
)


@pytest.mark.parametrize("prior", [NormalPrior(0.0, 1.0), NormalPrior(0.0, 1e308), BetaPrior(2.0, 3.0)])
def test_priors_hold_on_the_widest_bounds(prior: NormalPrior | BetaPrior) -> None:
    space = definition([replace(WIDE[0], prior=prior)])
    outcomes = search(space, lambda at: {"score": -abs(at["x"] / LARGEST)}, 7)
    assert all(math.isfinite(outcome.assignments["x"]) for outcome in outcomes)  # type: ignore[arg-type]
    assert max(scores(outcomes)) > -0.1


@pytest.mark.parametrize(("mean", "nearest"), [(100.0, 1.0), (-100.0, 0.0)])
def test_a_prior_far_outside_the_bounds_begins_at_the_nearer_one(mean: float, nearest: float) -> None:
    space = definition([Parameter("x", "double", bounds=(0.0, 1.0), prior=NormalPrior(mean, 1e-3))])
    assert abs(point(space, index=1)["x"] - nearest) < 0.05


def test_linear_constraints_hold_on_the_widest_bounds() -> None:
    terms = (Term("x", 3.0), Term("y", 3.0))
    band = (LinearConstraint("greater_than", 0.0, terms), LinearConstraint("less_than", 1e306, terms))
    space = definition(WIDE, linear_constraints=band)
    outcomes = search(space, lambda at: {"score": -abs(at["x"] / LARGEST + 0.4)}, 8)
    assert all(space.meets_linear_constraints(outcome.assignments) for outcome in outcomes)
    assert len({tuple(outcome.assignments.values()) for outcome in outcomes}) == 8


def test_an_int_beside_a_double_of_the_widest_bounds_meets_a_constraint() -> None:
    count = Parameter("n", "int", bounds=(0.0, 4.0))
    exactly = [LinearConstraint(kind, 3.0, (Term("n", 1.0),)) for kind in ("less_than", "greater_than")]
    either = LinearConstraint("less_than", 0.0, (Term("x", 1.0),))
    space = definition([count, WIDE[0]], linear_constraints=(*exactly, either))
    for assignments in points(space, 3):
        assert assignments["n"] == 3
        assert assignments["x"] <= 0


def test_hundreds_of_categories_are_searched() -> None:
    kinds = Parameter("kind", "categorical", categories=tuple(f"{index:03d}" for index in range(300)))
    space = definition([kinds, SQUARE[0]])
    outcomes = search(space, lambda at: {"score": at["x"] + (at["kind"] == "299")}, 9)
    assert max(scores(outcomes)) > 0.95


FAR_CONSTRAINT = (Metric("score"), Metric("cost", "minimize", "constraint", 0.5))


@pytest.mark.parametrize(
    "cost",
    [lambda at: 0.5, lambda at: 9.0 + at["y"], lambda at: 1e300 if at["y"] > 0.5 else 0.1],
    ids=["constant", "never met", "far off"],
)
def test_a_constraint_that_says_nothing_or_too_much_still_gives_suggestions(
    cost: Callable[[Point], float],
) -> None:
    outcomes = search(definition(metrics=FAR_CONSTRAINT), lambda at: {"score": at["x"], "cost": cost(at)}, 7)
    assert len({tuple(outcome.assignments.values()) for outcome in outcomes}) == 7


@pytest.mark.parametrize(("first", "second"), [(1e300, 1e-300), (0.0, 1.0), (1.0, 0.0)])
def test_two_metrics_of_any_scale_are_searched(first: float, second: float) -> None:
    metrics = (Metric("score"), Metric("cost", "minimize"))
    outcomes = search(
        definition(metrics=metrics), lambda at: {"score": first * at["x"], "cost": second * at["y"]}, 7
    )
    later = [outcome.assignments for outcome in outcomes[5:]]
    assert not first or max(at["x"] for at in later) == 1.0
    assert not second or min(at["y"] for at in later) == 0.0


def test_a_metric_of_two_may_take_every_value_there_is() -> None:
    metrics = (Metric("score"), Metric("cost", "minimize"))
    outcomes = search(
        definition(metrics=metrics), lambda at: {"score": (at["x"] - 0.5) * 2 * LARGEST, "cost": at["y"]}, 9
    )
    assert max(float(outcome.assignments["x"]) for outcome in outcomes[5:]) > 0.7


@pytest.mark.parametrize("stddev", [0.0, 1e308])
def test_a_known_noise_of_nothing_or_of_everything_is_taken(stddev: float) -> None:
    outcomes = [replace(each, stddevs={"score": stddev}) for each in observed(TWELVE, bowl)]
    assert bowl(point(definition(), outcomes, index=12))["score"] > -1.2


def test_an_int_with_more_values_than_memory_is_searched() -> None:
    parameter = Parameter("n", "int", bounds=(0.0, float(2**53)))
    space = definition([parameter])
    outcomes = search(space, lambda at: {"score": -abs(at["n"] / 2**53 - 0.4)}, 12)
    assert len({outcome.assignments["n"] for outcome in outcomes}) == 12
    assert max(scores(outcomes)) > -0.01


def test_more_observations_than_can_be_modelled_leave_the_best_ones_in() -> None:
    outcomes = observed(fill(definition(), 700, 3), bowl)
    assert bowl(point(definition(), outcomes, index=700))["score"] > -0.001


SCRIPT = """
import os, sys, threading
from tests.optimizer.searches import bowl, definition, observed, point
from sigtune.optimizer.space_filling import fill
outcomes = observed(fill(definition(), 12, 5), bowl)
found = {}
def ask(index): found[index] = point(definition(), outcomes, index=12 + index)
threads = [threading.Thread(target=ask, args=(index,)) for index in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print([found[index] for index in range(4)])
"""


def asked_by_four_threads(threads_of_blas: int) -> str:
    """Return what four threads of a new process are suggested that ask at once."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {"PYTHONPATH": ":".join(sys.path), **dict.fromkeys(names, str(threads_of_blas))}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
        timeout=PATIENCE_SECONDS,
    )
    return result.stdout


def test_four_threads_that_ask_at_once_get_what_one_gets_on_any_number_of_cores() -> None:
    outcomes = observed(TWELVE, bowl)
    expected = str([point(definition(), outcomes, index=12 + index) for index in range(4)])
    assert asked_by_four_threads(2).strip() == expected  # and this process has one thread
