"""Whatever an experiment's definition says has its effect on what is suggested."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.optimizer.searches import SQUARE, Point, bowl, definition, observed, point, points, search

from sigtune.definition.conditionals import Condition, Conditional
from sigtune.definition.constraints import LinearConstraint, Term
from sigtune.definition.experiment import ExperimentDefinition, Observation, Suggestion
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import BetaPrior, NormalPrior, Parameter
from sigtune.definition.tasks import Task
from sigtune.optimizer.engines.model.propose import single_thread
from sigtune.optimizer.engines.model.surrogate import surrogate_of
from sigtune.optimizer.space_filling import fill
from sigtune.optimizer.suggest import suggest
from sigtune.optimizer.training_data import training_data

TWELVE = fill(definition(), 12, seed=5)
BOWL = observed(TWELVE, bowl)


def two(at: Point) -> dict[str, float]:
    """Return two metrics, each of which costs the other between (0.2, 0.5) and (0.8, 0.5)."""
    off = (at["y"] - 0.5) ** 2
    return {"left": -((at["x"] - 0.2) ** 2) - off, "right": -((at["x"] - 0.8) ** 2) - off}


# Linear constraints


SUM = LinearConstraint("less_than", 0.5, (Term("x", 1.0), Term("y", 1.0)))
STRIP = LinearConstraint("greater_than", 0.499, (Term("x", 1.0), Term("y", 1.0)))
COUNTS = tuple(Parameter(name, "int", bounds=(0.0, 50.0)) for name in ("a", "b", "c"))
EXACTLY_TWENTY = tuple(
    LinearConstraint(kind, 20.0, tuple(Term(name, 1.0) for name in ("a", "b", "c")))
    for kind in ("less_than", "greater_than")
)


@pytest.mark.parametrize("constraints", [(SUM,), (SUM, STRIP)], ids=["wide", "narrow"])
def test_every_suggestion_meets_the_linear_constraints(constraints: tuple[LinearConstraint, ...]) -> None:
    space = definition(linear_constraints=constraints)
    outcomes = search(space, bowl, 9)  # the bowl's bottom is beyond the constraint
    assert all(space.meets_linear_constraints(outcome.assignments) for outcome in outcomes)
    assert len({tuple(outcome.assignments.values()) for outcome in outcomes}) == 9
    best: Point = max(
        outcomes, key=lambda outcome: outcome.values["score"] if outcome.values else 0
    ).assignments
    assert best["x"] + best["y"] > 0.45


def test_ints_meet_linear_constraints_that_few_points_meet() -> None:
    space = definition(COUNTS, linear_constraints=EXACTLY_TWENTY)
    outcomes = search(space, lambda at: {"score": at["a"] - at["b"]}, 9)
    assert all(sum(outcome.assignments.values()) == 20 for outcome in outcomes)  # type: ignore[arg-type]


def test_random_suggestions_meet_linear_constraints() -> None:
    space = definition(linear_constraints=(SUM, STRIP), type="random")
    assert all(space.meets_linear_constraints(each) for each in points(space, 4))


# Conditionals


MODELS = definition(
    [
        Parameter("depth", "int", bounds=(1.0, 9.0), conditions=(Condition("model", ("tree",)),)),
        Parameter("c", "double", bounds=(0.0, 1.0), conditions=(Condition("model", ("linear",)),)),
        Parameter("seed", "double", bounds=(0.0, 1.0)),
    ],
    conditionals=(Conditional("model", ("tree", "linear")),),
)


def test_only_active_parameters_are_assigned_and_the_better_branch_is_searched() -> None:
    def evaluate(at: Point) -> dict[str, float]:
        return {"score": 1 - (at["c"] - 0.3) ** 2 if at["model"] == "linear" else at["depth"] / 20}

    outcomes = search(MODELS, evaluate, 14)
    for outcome in outcomes:
        own = {"tree": "depth", "linear": "c"}[str(outcome.assignments["model"])]
        assert outcome.assignments.keys() == {"model", own, "seed"}
    chosen = [outcome.assignments["model"] for outcome in outcomes]
    assert {"tree", "linear"} == set(chosen)
    assert chosen[5:].count("linear") > chosen[5:].count("tree")


# Priors and transformations


@pytest.mark.parametrize("prior", [NormalPrior(0.9, 0.03), BetaPrior(60.0, 6.0)])
def test_a_prior_draws_the_first_points_and_those_of_the_model(prior: Any) -> None:
    x, y = SQUARE
    space = definition([replace(x, prior=prior), y])
    assert all(0.75 < each["x"] <= 1 for each in points(space, 5))
    flat = observed(TWELVE, lambda at: {"score": -((at["y"] - 0.5) ** 2)})  # says nothing of x
    with_prior = [point(space, flat, index=index)["x"] for index in (12, 13)]
    assert all(value > 0.7 for value in with_prior)


def test_a_prior_gives_way_to_observations() -> None:
    x, y = SQUARE
    space = definition([replace(x, prior=NormalPrior(0.0, 0.3)), y])
    outcomes = search(space, bowl, 18)
    best = max(outcomes, key=lambda outcome: outcome.values["score"] if outcome.values else 0)
    assert best.assignments["x"] == pytest.approx(0.73, abs=0.05)


def test_a_log_transformation_fills_the_orders_of_magnitude() -> None:
    plain = Parameter("lr", "double", bounds=(1e-6, 1.0))
    assert sum(each["lr"] < 1e-3 for each in points(definition([plain]), 9)) == 0
    assert sum(each["lr"] < 1e-3 for each in points(definition([replace(plain, log=True)]), 9)) >= 4


def test_a_log_transformation_of_a_grid_changes_what_the_model_finds_near() -> None:
    grid = Parameter("n", "double", grid=(1.0, 2.0, 3.0, 4.0, 400.0, 500.0))
    tried = observed(
        [{"n": value, "y": y} for value in (1.0, 4.0, 500.0) for y in (0.2, 0.8)],
        lambda at: {"score": -abs(at["n"] - 4.0) / 500 - (at["y"] - 0.4) ** 2},
    )
    plain, logarithmic = (
        [point(definition([each, SQUARE[1]]), tried, index=index) for index in (6, 7, 8)]
        for each in (grid, replace(grid, log=True))
    )
    assert plain != logarithmic


# Metrics


def test_thresholds_of_optimized_metrics_confine_the_front() -> None:
    def searched(threshold: float | None) -> list[float]:
        metrics = (Metric("left", threshold=threshold), Metric("right"))
        outcomes = observed(TWELVE, two)
        found = [point(definition(metrics=metrics), outcomes, index=index) for index in (12, 13)]
        return [each["x"] for each in found]

    assert max(searched(-0.01)) < 0.45  # left is at least so good near x = 0.2 only
    assert searched(None) != searched(-0.01)


def test_a_constraint_keeps_suggestions_feasible_and_its_threshold_can_be_moved() -> None:
    def evaluate(at: Point) -> dict[str, float]:
        return {"score": at["x"], "cost": at["x"] + at["y"] / 10}

    outcomes = observed(TWELVE, evaluate)
    for threshold in (0.4, 0.7):
        metrics = (Metric("score"), Metric("cost", "minimize", "constraint", threshold))
        suggested = point(definition(metrics=metrics), outcomes, index=12)
        assert evaluate(suggested)["cost"] == pytest.approx(threshold, abs=0.12)


@pytest.mark.parametrize("optimized", [("score",), ("score", "right")], ids=["one metric", "two metrics"])
def test_what_is_feasible_is_found_where_nothing_feasible_is_known(optimized: tuple[str, ...]) -> None:
    def evaluate(at: Point) -> dict[str, float]:
        distance = (at["x"] - 0.85) ** 2 + (at["y"] - 0.1) ** 2
        return {"score": -at["x"], "right": at["y"], "distance": distance}

    limit = Metric("distance", "minimize", "constraint", 0.02)
    space = definition(metrics=(*map(Metric, optimized), limit))
    tried = [each for each in observed(TWELVE, evaluate) if each.values and each.values["distance"] > 0.02]
    [first] = [*observed([point(space, tried, index=12)], evaluate)]
    second = point(space, [*tried, first], index=13)
    assert evaluate(second)["distance"] <= 0.02


def test_a_search_with_constraints_only_finds_different_feasible_points() -> None:
    space = definition(metrics=[Metric("score", strategy="constraint", threshold=-0.04)])
    outcomes = search(space, bowl, 11)
    feasible = [o.assignments for o in outcomes[6:] if o.values is not None and o.values["score"] >= -0.04]
    assert len(feasible) >= 4
    xs = [float(each["x"]) for each in feasible]
    assert max(xs) - min(xs) > 0.15


def test_known_noise_is_believed() -> None:
    # One high value that is nearly all noise, where the others say that x is best at 0.2.
    exact = observed(TWELVE, lambda at: {"score": -((at["x"] - 0.2) ** 2)})
    doubtful = Observation({"x": 0.9, "y": 0.5}, {"score": 0.3}, stddevs={"score": 5.0})
    certain = replace(doubtful, stddevs={"score": 1e-4})
    exact = [replace(each, stddevs={"score": 1e-4}) for each in exact]
    assert point(definition(), [*exact, doubtful], index=13)["x"] < 0.5
    assert point(definition(), [*exact, certain], index=13)["x"] > 0.6


@pytest.mark.parametrize(("reported", "is_rough"), [(0, True), (1, False), (12, False)])
def test_a_standard_deviation_says_that_what_is_not_smooth_is_noise(reported: int, is_rough: bool) -> None:
    known = [replace(outcome, stddevs={"score": 0.1}) for outcome in BOWL[:reported]]
    failed = Observation({"x": 0.99, "y": 0.99}, None)
    data = training_data(definition(), [*known, *BOWL[reported:], failed], None, 0)
    assert data is not None
    with single_thread(0):
        model: Any = surrogate_of(data, 0)
    assert model.covar_module.is_rough == is_rough


def test_several_solutions_are_searched_for_in_turn() -> None:
    def evaluate(at: Point) -> dict[str, float]:
        return {"score": max(1 - 20 * (at["x"] - 0.1) ** 2, 0.9 - 20 * (at["x"] - 0.9) ** 2)}

    one = definition(SQUARE[:1])
    outcomes = observed([{"x": each["x"]} for each in TWELVE], evaluate)
    single = [point(one, outcomes, index=index)["x"] for index in (12, 13, 14, 15)]
    several = replace(one, num_solutions=2, observation_budget=30)
    both = [point(several, outcomes, index=index)["x"] for index in (12, 13, 14, 15)]
    assert any(x < 0.3 for x in both)
    assert any(x > 0.7 for x in both)
    assert all(x < 0.3 for x in single)


# Tasks


TASKS = (Task("short", 0.1), Task("full", 1.0))


def test_cheap_tasks_come_first_and_the_full_one_gets_most_of_the_budget() -> None:
    space = definition(tasks=TASKS, observation_budget=5)
    outcomes: list[Observation] = []
    while sum({"short": 0.1, "full": 1.0}[o.task or ""] for o in outcomes) < 5:
        suggested = suggest(space, outcomes, [], len(outcomes), 0)
        outcomes.append(Observation(suggested.assignments, bowl(suggested.assignments), suggested.task))
    names = [outcome.task or "" for outcome in outcomes]
    assert names == sorted(names, reverse=True)  # all of short, then all of full
    assert names.count("short") == 5
    assert names.count("full") == 5


def test_what_cheap_tasks_found_is_where_the_full_one_begins() -> None:
    def shifted(at: Point) -> dict[str, float]:
        return {"score": bowl(at)["score"] - 10}  # few epochs are worse everywhere

    space = definition(tasks=TASKS, observation_budget=40)
    cheap = [replace(each, task="short") for each in observed(fill(definition(), 40, 1), shifted)]
    first = suggest(space, cheap, [], 40, 0)
    assert first.task == "full"
    assert bowl(first.assignments)["score"] > -0.02


@pytest.mark.parametrize("count", [1, 2])
def test_the_first_points_by_the_full_task_do_not_undo_what_the_cheap_ones_found(count: int) -> None:
    space = definition(tasks=TASKS, observation_budget=40)
    cheap = observed(fill(definition(), 40, 1), lambda at: {"score": bowl(at)["score"] - 10})
    outcomes = [replace(each, task="short") for each in cheap]
    found: list[Point] = [{"x": 0.71, "y": 0.2}, {"x": 0.75, "y": 0.24}]
    outcomes += [replace(each, task="full") for each in observed(found[:count], bowl)]
    suggested = suggest(space, outcomes, [], len(outcomes), 0)
    assert suggested.task == "full"
    assert bowl(suggested.assignments)["score"] > -0.06


def test_cheap_tasks_that_mislead_are_not_believed_once_the_full_one_says_otherwise() -> None:
    def opposite(at: Point) -> dict[str, float]:
        return {"score": -((at["x"] - 0.1) ** 2) - (at["y"] - 0.9) ** 2}

    space = definition(tasks=TASKS, observation_budget=40)
    cheap = [replace(each, task="short") for each in observed(fill(definition(), 40, 1), opposite)]
    full = [replace(each, task="full") for each in BOWL]
    suggested = suggest(space, [*cheap, *full], [], 52, 0)
    assert bowl(suggested.assignments)["score"] > -0.05


# Types


def test_a_grid_is_served_in_order_each_point_once_and_then_from_the_start() -> None:
    grid = [Parameter("x", "double", grid=(1.0, 2.0)), Parameter("c", "categorical", categories=("b", "a"))]
    space = definition(grid, type="grid")
    open_suggestions: list[Suggestion] = []
    for index in range(5):
        open_suggestions.append(suggest(space, [], open_suggestions, index, 0))
    served = [tuple(each.assignments.values()) for each in open_suggestions]
    assert served == [(1.0, "b"), (1.0, "a"), (2.0, "b"), (2.0, "a"), (1.0, "b")]


def test_a_grid_skips_no_point_for_failures_imports_and_suggestions_that_were_given_back() -> None:
    grid = [Parameter("x", "int", grid=(1.0, 2.0, 3.0)), Parameter("c", "categorical", categories=("b", "a"))]
    space = definition(grid, type="grid")
    failed = Observation({"x": 1, "c": "b"}, None)
    imported = Observation({"x": 2, "c": "a"}, {"score": 1.0})
    open_suggestions = [Suggestion({"x": 1, "c": "a"})]
    served = []
    for index in range(7, 10):  # numbers of suggestions that were deleted are not given again
        served.append(suggest(space, [failed, imported], open_suggestions, index, 0))
        open_suggestions.append(served[-1])
    assert [tuple(each.assignments.values()) for each in served] == [(2, "b"), (3, "b"), (3, "a")]


def test_random_suggestions_do_not_depend_on_what_was_observed() -> None:
    space = definition(type="random")
    assert [point(space, BOWL, index=index) for index in (12, 13)] == [
        point(space, index=index) for index in (12, 13)
    ]
    assert point(space, index=12) != point(space, index=12, seed=1)


# History


def test_imported_observations_count_from_the_first_suggestion_on() -> None:
    assert bowl(point(definition(), BOWL, index=0))["score"] > -0.05


def test_points_that_the_experiment_does_not_have_any_more_are_passed_over() -> None:
    kind = Parameter("kind", "categorical", categories=("a", "b"))
    space = definition([*SQUARE, kind])
    gone = [Observation({**each, "kind": "removed"}, {"score": 1.0}) for each in TWELVE[:3]]
    beyond = [Observation({"x": 7.0, "y": 0.5, "kind": "a"}, {"score": -40.0})]
    known = [Observation({**each, "kind": "a"}, bowl(each)) for each in TWELVE]
    suggested = point(space, [*gone, *beyond, *known], index=16)
    assert 0 <= suggested["x"] <= 1
    assert suggested["kind"] in ("a", "b")


def test_a_parameter_that_was_added_has_its_default_in_older_observations() -> None:
    added = Parameter("z", "double", bounds=(0.0, 1.0), default=0.5)
    assert set(point(definition([*SQUARE, added]), BOWL, index=12)) == {"x", "y", "z"}


def test_no_field_but_these_is_in_the_definition() -> None:
    # A new field needs a test above, unless suggestions do not depend on it.
    fields = set(ExperimentDefinition.__dataclass_fields__)
    assert fields == {
        "parameters",
        "metrics",
        "conditionals",
        "linear_constraints",
        "tasks",
        "type",
        "num_solutions",
        "observation_budget",
        "parallel_bandwidth",
    }
