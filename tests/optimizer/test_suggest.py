"""The suggestion as a pure function."""

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from tests.definition.spaces import MIXED

from sigtune.definition.experiment import ExperimentDefinition, Observation
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter, parse_value
from sigtune.definition.unit_cube import default_point
from sigtune.optimizer.suggest import FIRST_MODELLED, suggest

SQUARE = (Parameter("x", "double", bounds=(0.0, 1.0)), Parameter("y", "double", bounds=(0.0, 1.0)))
SCORE = (Metric("score"),)

Point: TypeAlias = dict[str, Any]


def definition(
    parameters: Sequence[Parameter] = SQUARE, metrics: Sequence[Metric] = SCORE
) -> ExperimentDefinition:
    return ExperimentDefinition(tuple(parameters), tuple(metrics))


def search(
    space: ExperimentDefinition,
    evaluate: Callable[[Point], dict[str, float] | None],
    count: int,
    seed: int = 0,
) -> list[Observation]:
    """Return the outcomes of a search without parallel suggestions."""
    outcomes: list[Observation] = []
    for index in range(count):
        point = suggest(space, outcomes, [], index, seed)
        outcomes.append(Observation(point, evaluate(point)))
    return outcomes


def bowl(point: Point) -> dict[str, float]:
    return {"score": -((point["x"] - 0.73) ** 2) - (point["y"] - 0.21) ** 2}


def scores(outcomes: Sequence[Observation]) -> list[float]:
    return [outcome.values["score"] for outcome in outcomes if outcome.values is not None]


def test_the_first_point_is_that_of_the_defaults() -> None:
    assert suggest(definition(MIXED), [], [], 0, 0) == default_point(MIXED)


def test_the_space_filling_points_are_spread_over_the_space() -> None:
    # Four Sobol points in a row share no half of an axis three to one.
    points: list[Point] = [suggest(definition(), [], [], index, 0) for index in range(1, FIRST_MODELLED)]
    for name in ("x", "y"):
        assert sum(point[name] < 0.5 for point in points) == 2


@pytest.mark.parametrize("metrics", [SCORE, (Metric("score"), Metric("cost", "minimize"))])
def test_no_suggestion_is_outside_of_bounds_grid_or_categories(metrics: Sequence[Metric]) -> None:
    def evaluate(point: Point) -> dict[str, float]:
        # Best in a corner, where a proposal is most likely to be out of bounds.
        return {"score": point["momentum"] + point["epochs"] + point["lr"], "cost": point["width"]}

    outcomes = search(definition(MIXED, metrics), evaluate, 14)
    for outcome in outcomes:
        for parameter in MIXED:
            value = outcome.assignments[parameter.name]
            parsed = parse_value(parameter, value)
            assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_model_finds_a_better_point_than_space_filling_does(seed: int) -> None:
    modelled = search(definition(), bowl, 20, seed)
    filling: list[Point] = [suggest(definition(), [], [], index, seed) for index in range(20)]
    assert max(scores(modelled)) > max(bowl(point)["score"] for point in filling)
    assert max(scores(modelled)) > -1e-4


def test_minimizing_is_maximizing_of_the_negative() -> None:
    maximized = search(definition(), bowl, 9)
    space = definition(metrics=[Metric("score", "minimize")])
    minimized = search(space, lambda point: {"score": -bowl(point)["score"]}, 9)
    assert [outcome.assignments for outcome in minimized] == [outcome.assignments for outcome in maximized]


def test_two_metrics_are_searched_along_their_front() -> None:
    # Between (0.2, 0.5) and (0.8, 0.5) either metric costs the other; elsewhere both can be better.
    def evaluate(point: Point) -> dict[str, float]:
        off = (point["y"] - 0.5) ** 2
        return {"left": -((point["x"] - 0.2) ** 2) - off, "right": (point["x"] - 0.8) ** 2 + off}

    space = definition(metrics=[Metric("left"), Metric("right", "minimize")])
    later: list[Point] = [outcome.assignments for outcome in search(space, evaluate, 16)[8:]]
    on_front = [point for point in later if abs(point["y"] - 0.5) < 0.1 and 0.1 < point["x"] < 0.9]
    assert len(on_front) >= 6
    assert min(point["x"] for point in on_front) < 0.4
    assert max(point["x"] for point in on_front) > 0.6


def test_a_stored_metric_does_not_steer_the_search() -> None:
    noise = random.Random(0)
    plain = search(definition(), bowl, 8)
    space = definition(metrics=[*SCORE, Metric("seconds", strategy="store")])
    stored = search(space, lambda point: {**bowl(point), "seconds": noise.random()}, 8)
    assert [outcome.assignments for outcome in stored] == [outcome.assignments for outcome in plain]


def test_an_open_suggestion_moves_the_next_one_away() -> None:
    outcomes = search(definition(), bowl, 8)
    alone: Point = suggest(definition(), outcomes, [], 9, 0)
    beside: Point = suggest(definition(), outcomes, [alone], 9, 0)
    assert max(abs(alone[name] - beside[name]) for name in ("x", "y")) > 0.01


def test_the_neighbourhood_of_failures_is_avoided() -> None:
    # The score grows with x, but from 0.7 on every job fails.
    def evaluate(point: Point) -> dict[str, float] | None:
        return {"score": point["x"]} if point["x"] < 0.7 else None

    outcomes = search(definition(), evaluate, 20)
    assert sum(outcome.values is None for outcome in outcomes[10:]) <= 3
    assert max(scores(outcomes)) > 0.65


def test_with_nothing_but_failures_the_search_goes_on_filling_the_space() -> None:
    outcomes = search(definition(), lambda _: None, 9)
    filling = [suggest(definition(), [], [], index, 0) for index in range(9)]
    points = [outcome.assignments for outcome in outcomes]
    # The first Sobol points may be anywhere, so only what is modelled otherwise matters.
    assert points[FIRST_MODELLED:] == [
        suggest(definition(), outcomes[:index], [], index, 0) for index in range(FIRST_MODELLED, 9)
    ]
    assert points[1:FIRST_MODELLED] == filling[1:FIRST_MODELLED]
    assert len({tuple(point.values()) for point in points}) == 9


@pytest.mark.parametrize("score", [lambda point: 1.0, lambda point: 1e12 * point["x"], lambda point: -1e-12])
def test_flat_and_extreme_values_still_give_suggestions(score: Callable[[Point], float]) -> None:
    outcomes = search(definition(), lambda point: {"score": score(point)}, 8)
    assert len({tuple(outcome.assignments.values()) for outcome in outcomes}) == 8


def test_no_point_is_tried_twice_before_the_space_is_exhausted() -> None:
    small = [
        Parameter("a", "int", bounds=(1.0, 3.0)),
        Parameter("b", "categorical", categories=("x", "y", "z")),
    ]
    space = definition(small)
    outcomes = search(space, lambda point: {"score": point["a"]}, 10)
    tried = [tuple(outcome.assignments.values()) for outcome in outcomes]
    assert len(set(tried[:9])) == 9
    assert tried[9] in tried[:9]


def test_an_optimum_in_a_corner_is_not_tried_again_and_again() -> None:
    outcomes = search(definition(), lambda point: {"score": point["x"] + point["y"]}, 15)
    assert len({tuple(outcome.assignments.values()) for outcome in outcomes}) == 15
    assert max(scores(outcomes)) > 1.99


def random_states() -> tuple[object, ...]:
    """Return the states of the random generators that a process has."""
    numpy_state = np.random.get_state(legacy=False)
    assert isinstance(numpy_state, dict)
    return (
        numpy_state["state"]["key"].tolist(),
        numpy_state["state"]["pos"],
        torch.get_rng_state().tolist(),
        random.getstate(),
    )


def test_equal_input_gives_equal_output_and_leaves_the_process_as_it_was(
    capfd: pytest.CaptureFixture[str],
) -> None:
    outcomes = search(definition(), bowl, 7)
    capfd.readouterr()
    np.random.seed(1)
    torch.manual_seed(1)
    random.seed(1)
    before = random_states()
    threads = torch.get_num_threads()

    first = suggest(definition(), outcomes, [], 7, 0)
    assert random_states() == before
    assert torch.get_num_threads() == threads
    assert capfd.readouterr() == ("", "")

    np.random.seed(2)
    torch.manual_seed(2)
    assert suggest(definition(), outcomes, [], 7, 0) == first
    assert suggest(definition(), outcomes, [], 7, 1) != first


def test_the_order_of_a_grid_is_used() -> None:
    # Along an ordered grid of 60 steps the model reaches the best one without trying most of them.
    grid = tuple(float(step) for step in range(60))
    space = definition([Parameter("step", "double", grid=grid)])
    outcomes = search(space, lambda point: {"score": -((point["step"] - 41) ** 2)}, 12)
    assert max(scores(outcomes)) == 0.0
