"""The suggestion as a pure function."""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.definition.spaces import MIXED
from tests.optimizer.searches import SCORE, Point, bowl, definition, observed, point, points, scores, search

from sigtune.definition.experiment import Observation
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter, parse_value
from sigtune.optimizer.space_filling import fill
from sigtune.optimizer.suggest import FIRST_MODELLED, FIRST_MODELLED_OF_TWO


def test_the_first_point_is_the_middle() -> None:
    assert point(definition(MIXED)) == {
        "lr": pytest.approx((1e-5 * 0.3) ** 0.5),
        "momentum": 0.25,
        "epochs": 19,
        "decay": 1e-4,
        "width": 16,
        "optimizer": "adam",
    }


def test_the_first_point_has_the_default_values_that_there_are() -> None:
    x, y = (
        Parameter("x", "double", bounds=(0.0, 1.0), default=0.125),
        Parameter("y", "int", bounds=(0.0, 4.0)),
    )
    assert point(definition([x, y])) == {"x": 0.125, "y": 2}


def test_a_default_outside_the_bounds_is_not_suggested() -> None:
    assert point(definition([Parameter("x", "double", bounds=(0.0, 1.0), default=9.0)])) == {"x": 0.5}


def test_the_space_filling_points_are_spread_over_the_space() -> None:
    # Four Sobol points in a row share no half of an axis three to one.
    filling = points(definition(), 5)[1:]
    for name in ("x", "y"):
        assert sum(each[name] < 0.5 for each in filling) == 2


@pytest.mark.parametrize(
    ("metrics", "needed"),
    [(SCORE, FIRST_MODELLED), ([*SCORE, Metric("cost", "minimize")], FIRST_MODELLED_OF_TWO)],
)
def test_what_was_observed_counts_from_so_many_successes_on(metrics: Sequence[Metric], needed: int) -> None:
    space = definition(metrics=metrics)

    def suggested(successes: int, sign: int) -> Point:
        outcomes = observed(points(space, successes), lambda at: {"score": sign * at["x"], "cost": at["y"]})
        return point(space, outcomes, index=successes)

    assert suggested(needed - 1, 1) == suggested(needed - 1, -1)
    assert suggested(needed, 1)["x"] > suggested(needed, -1)["x"]


@pytest.mark.parametrize("metrics", [SCORE, (Metric("score"), Metric("cost", "minimize"))])
def test_no_suggestion_is_outside_of_bounds_grid_or_categories(metrics: Sequence[Metric]) -> None:
    def evaluate(at: Point) -> dict[str, float]:
        # Best in a corner, where a proposal is most likely to be out of bounds.
        return {"score": at["momentum"] + at["epochs"] + at["lr"], "cost": at["width"]}

    outcomes = search(definition(MIXED, metrics), evaluate, 10)
    for outcome in outcomes:
        for parameter in MIXED:
            value = outcome.assignments[parameter.name]
            parsed = parse_value(parameter, value)
            assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_model_finds_a_better_point_than_space_filling_does(seed: int) -> None:
    modelled = search(definition(), bowl, 14, seed)
    assert max(scores(modelled)) > max(scores(observed(points(definition(), 14, seed), bowl)))
    assert max(scores(modelled)) > -1e-4


def test_minimizing_is_maximizing_of_the_negative() -> None:
    maximized = search(definition(), bowl, 9)
    space = definition(metrics=[Metric("score", "minimize")])
    minimized = search(space, lambda at: {"score": -bowl(at)["score"]}, 9)
    assert [outcome.assignments for outcome in minimized] == [outcome.assignments for outcome in maximized]


def test_two_metrics_are_searched_along_their_front() -> None:
    # Between (0.2, 0.5) and (0.8, 0.5) either metric costs the other; elsewhere both can be better.
    def evaluate(at: Point) -> dict[str, float]:
        off = (at["y"] - 0.5) ** 2
        return {"left": -((at["x"] - 0.2) ** 2) - off, "right": (at["x"] - 0.8) ** 2 + off}

    space = definition(metrics=[Metric("left"), Metric("right", "minimize")])
    later: list[Point] = [outcome.assignments for outcome in search(space, evaluate, 12)[7:]]
    on_front = [at for at in later if abs(at["y"] - 0.5) < 0.1 and 0.1 < at["x"] < 0.9]
    assert len(on_front) >= 4
    assert min(at["x"] for at in on_front) < 0.4
    assert max(at["x"] for at in on_front) > 0.6


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_front_that_is_one_corner_yet_does_not_confine_the_search_to_it(seed: int) -> None:
    # The front is the edge y = 0 (ZDT1 of two parameters).
    def evaluate(at: Point) -> dict[str, float]:
        distance = 1 + 9 * at["y"]
        return {"loss": at["x"], "cost": distance * (1 - math.sqrt(at["x"] / distance))}

    corner = [{"x": 0.0, "y": 0.0}, {"x": 0.002, "y": 0.0}, {"x": 0.005, "y": 0.0}]
    elsewhere = [{"x": x / 7, "y": y} for x, y in enumerate((0.6, 0.9, 0.3, 0.7, 0.4, 0.8, 0.5))]
    space = definition(metrics=[Metric("loss", "minimize"), Metric("cost", "minimize")])
    found = point(space, observed([*corner, *elsewhere], evaluate), index=10, seed=seed)
    assert found["x"] > 0.05
    assert found["y"] < 0.2


@pytest.mark.parametrize("seed", [0, 1])
def test_a_gap_in_the_front_is_where_the_next_point_is(seed: int) -> None:
    # The front is the edge where y, z and w are 0 (ZDT1 of four parameters).
    def evaluate(at: Point) -> dict[str, float]:
        distance = 1 + 3 * (at["y"] + at["z"] + at["w"])
        return {"loss": at["x"], "cost": distance * (1 - math.sqrt(at["x"] / distance))}

    space = definition(
        [Parameter(name, "double", bounds=(0.0, 1.0)) for name in "xyzw"],
        [Metric("loss", "minimize"), Metric("cost", "minimize")],
    )
    front = [{"x": x, "y": 0.0, "z": 0.0, "w": 0.0} for x in (*(step / 20 for step in range(11)), 1.0)]
    found = point(space, observed([*fill(space, 8, seed), *front], evaluate), index=20, seed=seed)
    assert 0.6 < found["x"] < 0.9
    assert max(found["y"], found["z"], found["w"]) < 0.01


def test_two_metrics_are_searched_with_nothing_compiled_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Torch builds extensions there, and waits for the lock of a process that was killed while it did.
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    space = definition(metrics=[Metric("score"), Metric("cost", "minimize")])
    search(space, lambda at: {**bowl(at), "cost": at["x"]}, FIRST_MODELLED_OF_TWO + 2)
    assert list(tmp_path.iterdir()) == []


def test_a_stored_metric_does_not_steer_the_search() -> None:
    noise = random.Random(0)
    plain = search(definition(), bowl, 8)
    space = definition(metrics=[*SCORE, Metric("seconds", strategy="store")])
    stored = search(space, lambda at: {**bowl(at), "seconds": noise.random()}, 8)
    assert [outcome.assignments for outcome in stored] == [outcome.assignments for outcome in plain]


def test_an_open_suggestion_moves_the_next_one_away() -> None:
    outcomes = search(definition(), bowl, 8)
    alone = point(definition(), outcomes, index=9)
    beside = point(definition(), outcomes, [alone], index=9)
    assert max(abs(alone[name] - beside[name]) for name in ("x", "y")) > 0.01


def test_the_neighbourhood_of_failures_is_avoided() -> None:
    # The score grows with x, but from 0.7 on every job fails.
    def evaluate(at: Point) -> dict[str, float] | None:
        return {"score": at["x"]} if at["x"] < 0.7 else None

    outcomes = search(definition(), evaluate, 20)
    assert sum(outcome.values is None for outcome in outcomes[10:]) <= 3
    assert max(scores(outcomes)) > 0.65


@pytest.mark.parametrize("seed", [0, 2])
def test_the_best_is_found_where_most_jobs_fail(seed: int) -> None:
    # Seven in eight points fail, and the best is near where they begin to.
    def evaluate(at: Point) -> dict[str, float] | None:
        if abs(at["x"] - 0.5) > 0.15 or abs(at["y"] - 0.3) > 0.2:
            return None
        return {"score": -((at["x"] - 0.6) ** 2) - (at["y"] - 0.4) ** 2}

    outcomes = search(definition(), evaluate, 24, seed)
    assert sum(outcome.values is None for outcome in outcomes[10:]) <= 3
    assert max(scores(outcomes)) > -1e-4


def test_with_nothing_but_failures_the_search_goes_on_filling_the_space() -> None:
    outcomes = search(definition(), lambda _: None, 9)
    assert [outcome.assignments for outcome in outcomes] == points(definition(), 9)


@pytest.mark.parametrize("score", [lambda at: 1.0, lambda at: 1e12 * at["x"], lambda at: -1e-12])
def test_flat_and_extreme_values_still_give_suggestions(score: Callable[[Point], float]) -> None:
    outcomes = search(definition(), lambda at: {"score": score(at)}, 8)
    assert len({tuple(outcome.assignments.values()) for outcome in outcomes}) == 8


def test_no_point_is_tried_twice_before_the_space_is_exhausted() -> None:
    small = [
        Parameter("a", "int", bounds=(1.0, 3.0)),
        Parameter("b", "categorical", categories=("x", "y", "z")),
    ]
    space = definition(small)
    outcomes = search(space, lambda at: {"score": at["a"]}, 10)
    tried = [tuple(outcome.assignments.values()) for outcome in outcomes]
    assert len(set(tried[:9])) == 9
    assert tried[9] in tried[:9]


def test_an_optimum_in_a_corner_is_not_tried_again_and_again() -> None:
    outcomes = search(definition(), lambda at: {"score": at["x"] + at["y"]}, 15)
    assert len({tuple(outcome.assignments.values()) for outcome in outcomes}) == 15
    assert max(scores(outcomes)) > 1.99


@pytest.mark.parametrize("seed", [0, 2])
def test_a_corner_whose_score_is_flat_does_not_hold_a_search_where_the_score_is_chaotic(seed: int) -> None:
    def evaluate(at: Point) -> dict[str, float]:
        distance = 1 - min(at["x"], at["y"])
        chaos = 0.05 * math.sin(9973 * at["x"] + 7919 * at["y"])
        return {"score": 0.0 if distance < 0.001 else chaos - 0.02 - distance}

    corner = [{"x": 1 - left / 200, "y": 1 - down / 150} for left in range(4) for down in range(2)]
    outcomes = observed([*fill(definition(), 12, seed), *corner], evaluate)
    repeats = 0
    for index in range(20, 26):
        at = point(definition(), outcomes, index=index, seed=seed)
        distances = [max(abs(at[name] - o.assignments[name]) for name in at) for o in outcomes]
        repeats += min(distances) < 0.002
        outcomes.append(Observation(at, evaluate(at)))
    assert repeats <= 3


@pytest.mark.parametrize("seed", [0, 1])
def test_a_flat_best_is_left_by_every_other_suggestion(seed: int) -> None:
    def evaluate(at: Point) -> dict[str, float]:
        chaos = 0.05 * math.sin(9973 * at["x"] + 7919 * at["y"])
        return {"score": 0.0 if at["x"] > 0.999 else at["x"] - 1.02 + chaos}

    edge = [{"x": 1.0, "y": height} for height in (0.0, 0.3, 0.6, 1.0)]
    outcomes = observed([*fill(definition(), 12, seed), *edge], evaluate)
    found = [point(definition(), outcomes, index=index, seed=seed)["x"] for index in range(16, 20)]
    assert max(found[0::2]) < 0.999 < min(found[1::2])


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

    first = point(definition(), outcomes, index=7)
    assert random_states() == before
    assert torch.get_num_threads() == threads
    assert capfd.readouterr() == ("", "")

    np.random.seed(2)
    torch.manual_seed(2)
    assert point(definition(), outcomes, index=7) == first
    assert point(definition(), outcomes, index=7, seed=1) != first


def test_the_order_of_a_grid_is_used() -> None:
    # Along an ordered grid of 60 steps the model reaches the best one without trying most of them.
    grid = tuple(float(step) for step in range(60))
    space = definition([Parameter("step", "double", grid=grid)])
    outcomes = search(space, lambda at: {"score": -((at["step"] - 41) ** 2)}, 12)
    assert max(scores(outcomes)) == 0.0
