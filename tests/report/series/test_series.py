"""The data of each figure, of experiments in a real store."""

import json
from typing import Any

import pytest

from sigtune.report.logged_curves import Curves
from sigtune.report.results import Results, results_from_json
from sigtune.report.series import (
    contour,
    history,
    importance,
    key_of,
    learning_curves,
    model_slice,
    parallel,
    pareto,
    scatter,
    table_of,
)
from sigtune.report.series.curves import Run, curve_names
from tests.report.conftest import KINDS, Observe

TWO_METRICS = [
    {"name": "score", "objective": "maximize"},
    {"name": "seconds", "objective": "minimize", "threshold": 5},
]


def column(table: dict[str, Any], key: str) -> dict[str, Any]:
    return next(each for each in table["columns"] if each["key"] == key)


def test_the_table_has_a_row_for_each_observation_and_says_what_each_column_is(observe: Observe) -> None:
    table = table_of(observe(0.5, None, 0.25))
    assert (table["number"], table["job"], table["total"]) == ([1, 2, 3], [1, 2, 3], 3)
    assert table["failed"] == [False, True, False]
    assert table["reason"] == ["", "<script>alert(1)</script>", ""]
    lr = column(table, "parameter:lr")
    assert (lr["log"], lr["low"], lr["high"], lr["values"]) == (True, 0.001, 1, [0.001, 0.002, 0.003])
    assert column(table, "parameter:layers")["integer"] is True
    kinds = column(table, "parameter:kind")
    assert [kinds["categories"][place] for place in kinds["values"]] == [KINDS[1], KINDS[0], KINDS[1]]
    assert column(table, "metric:score")["values"] == [0.5, None, 0.25]
    json.dumps(table, allow_nan=False)


def test_a_parameter_and_a_metric_of_one_name_are_two_columns(observe: Observe) -> None:
    table = table_of(observe({"lr": 2.0}, metrics=[{"name": "lr"}]))
    assert column(table, "parameter:lr")["values"] == [0.001]
    assert column(table, "metric:lr")["values"] == [2.0]


def test_a_thinned_table_keeps_the_best_and_says_of_how_many_it_is(observe: Observe) -> None:
    scores = [0.1, 0.2, 0.9, *(0.01 * step for step in range(17))]
    table = table_of(observe(*scores), most_cells=4 * 5)  # of five observations, of four columns
    assert table["total"] == 20
    assert len(table["number"]) <= 5
    assert 3 in table["number"]
    assert {len(each["values"]) for each in table["columns"]} == {len(table["number"])}


def test_the_history_has_the_best_so_far_where_it_changes(observe: Observe) -> None:
    results = observe(0.5, 0.25, None, 0.75, 0.6)
    figure = history(results, results.definition.metrics[0])
    assert figure["best_so_far"] == [[1, 0.5], [4, 0.75]]
    assert figure["best"] == [4]


def test_the_best_so_far_of_a_minimized_metric_falls(observe: Observe) -> None:
    results = observe(3, 4, 1, metrics=[{"name": "score", "objective": "minimize"}])
    assert history(results, results.definition.metrics[0])["best_so_far"] == [[1, 3], [3, 1]]


def test_what_misses_a_threshold_is_never_the_best_so_far(observe: Observe) -> None:
    values = [{"score": 0.9, "seconds": 9.0}, {"score": 0.5, "seconds": 4.0}, {"score": 0.7, "seconds": 5.0}]
    results = observe(*values, metrics=TWO_METRICS)
    assert history(results, results.definition.metrics[0])["best_so_far"] == [[2, 0.5], [3, 0.7]]
    assert table_of(results)["feasible"] == [False, True, True]


def test_observations_of_cheaper_tasks_are_not_the_best() -> None:
    def observation(number: int, score: float, task: str) -> dict[str, Any]:
        values = [{"name": "score", "value": score, "value_stddev": None}]
        named = {"name": task, "cost": {"quick": 0.1, "full": 1.0}[task]}
        return {"id": number, "assignments": {"x": 0.5}, "failed": False, "values": values, "task": named}

    experiment = {
        "name": "tasks",
        "parameters": [{"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}}],
        "metrics": [{"name": "score"}],
        "tasks": [{"name": "quick", "cost": 0.1}, {"name": "full", "cost": 1.0}],
    }
    listed = [observation(1, 0.9, "quick"), observation(2, 0.4, "full"), observation(3, 0.5, "full")]
    results = results_from_json(experiment, listed)
    assert history(results, results.definition.metrics[0])["best_so_far"] == [[2, 0.4], [3, 0.5]]
    assert [each.number for each in results.best] == [3]
    assert table_of(results)["task"] == ["quick", "full", "full"]


def test_the_pareto_front_goes_along_the_first_metric_and_has_the_thresholds(observe: Observe) -> None:
    pairs = ((0.9, 4.5), (0.5, 1.0), (0.4, 2.0), (0.7, 2.0), (0.95, 9.0))
    results = observe(*({"score": score, "seconds": time} for score, time in pairs), metrics=TWO_METRICS)
    figure = pareto(results)
    assert figure is not None
    assert figure["front"] == [2, 4, 1]
    assert (figure["x"], figure["y"]) == ("metric:score", "metric:seconds")
    assert figure["thresholds"] == [None, 5]


def test_one_metric_has_no_front(observe: Observe) -> None:
    assert pareto(observe(0.5)) is None


def test_the_importance_is_that_of_the_parameter_that_decides_the_metric(observe: Observe) -> None:
    results = observe(*(float(number % 2) for number in range(1, 21)))
    figure = importance(results, results.definition.metrics[0])
    assert figure["bars"][0]["parameter"] == "kind"
    assert sum(bar["share"] for bar in figure["bars"]) == pytest.approx(1)
    assert "reason" not in figure


def test_importances_of_a_few_observations_are_not_drawn_and_say_how_many_it_takes(observe: Observe) -> None:
    results = observe(0.5, 0.25, None)
    figure = importance(results, results.definition.metrics[0])
    assert figure["bars"] == []
    assert "10 successful observations" in figure["reason"]


def test_parallel_coordinates_go_through_all_parameters_to_the_metrics(observe: Observe) -> None:
    results = observe(0.5)
    figure = parallel(results, results.definition.metrics[0])
    assert figure["dimensions"] == ["parameter:kind", "parameter:layers", "parameter:lr", "metric:score"]
    assert {each["key"] for each in table_of(results)["columns"]} == set(figure["dimensions"])
    assert figure["colour"] == "metric:score"


def test_of_many_parameters_the_figures_show_those_that_matter_most(observe: Observe) -> None:
    parameters = [
        {"name": f"p{place}", "type": "double", "bounds": {"min": 0, "max": 20}} for place in range(20)
    ]
    assignments = [{f"p{place}": (7 * place + step) % 20 for place in range(20)} for step in range(20)]
    results = observe(*(each["p19"] for each in assignments), parameters=parameters, assignments=assignments)
    [metric] = results.definition.metrics
    bars = importance(results, metric)
    assert bars["title"].endswith(": 15 of 20")
    assert len(bars["bars"]) == 15
    figure = parallel(results, metric)
    assert figure["title"].endswith(": 12 of 20 parameters")
    assert len(figure["dimensions"]) == 13
    assert {f"parameter:{bar['parameter']}" for bar in bars["bars"][:12]} == set(figure["dimensions"][:12])


def test_a_scatter_names_the_columns_it_is_of(observe: Observe) -> None:
    results = observe(0.5)
    x, y = key_of(results.definition.parameters[0]), key_of(results.definition.metrics[0])
    assert scatter(results, x, y)["title"] == "score against kind"
    assert scatter(results, x, y, "parameter:lr")["colour"] == "parameter:lr"


def contour_of(results: Results) -> dict[str, Any]:
    _, layers, lr = results.definition.parameters
    return contour(results, results.definition.metrics[0], lr, layers)


def test_the_contour_is_what_the_model_expects_around_the_best(observe: Observe) -> None:
    results = observe(*(1 - 0.1 * number for number in range(1, 7)))
    figure = contour_of(results)
    assert "reason" not in figure
    assert (figure["xs"][0], figure["xs"][-1], figure["ys"]) == (0.001, 1, [1, 2, 3, 4])
    assert {len(row) for row in figure["medians"]} == {len(figure["xs"])}
    assert len(figure["medians"]) == 4
    assert "kind = " in figure["through"]
    falling = figure["medians"][0]
    assert falling[0] > falling[8]  # the scores fell with the learning rate


@pytest.mark.parametrize(("scores", "reason"), [((None,), "succeeded"), ((0.5, 0.5), "equal")])
def test_a_contour_that_cannot_be_says_why(
    observe: Observe, scores: tuple[float | None, ...], reason: str
) -> None:
    figure = contour_of(observe(*scores))
    assert figure["medians"] == []
    assert reason in figure["reason"]


def test_a_slice_has_intervals_and_names_the_observation_that_is_expected_to_be_the_best(
    observe: Observe,
) -> None:
    # Around 0.1 the scores are high; one far away is the highest, and no more than a stroke of luck.
    near = [{"kind": "relu", "layers": 2, "lr": 0.1 + 0.002 * number} for number in range(8)]
    far = [{"kind": "relu", "layers": 2, "lr": 0.7 + 0.02 * number} for number in range(8)]
    scores = [0.8 + 0.01 * (number % 2) for number in range(8)] + [0.1, 0.2, 0.1, 0.82, 0.1, 0.2, 0.1, 0.2]
    results = observe(*scores, assignments=near + far)
    _, _, lr = results.definition.parameters
    figure = model_slice(results, results.definition.metrics[0], lr)
    assert [observation.number for observation in results.best] == [12]
    assert figure["expected"]["number"] <= 8
    assert figure["expected"]["low"] < figure["expected"]["median"] < figure["expected"]["high"]
    assert (figure["xs"][0], figure["xs"][-1], figure["through"]) == (0.001, 1, "layers = 2, kind = relu")
    for low, median, high in zip(figure["lows"], figure["medians"], figure["highs"], strict=True):
        assert low <= median <= high


@pytest.mark.parametrize(("scores", "reason"), [((None,), "succeeded"), ((0.5, 0.5), "equal")])
def test_a_slice_that_cannot_be_says_why(
    observe: Observe, scores: tuple[float | None, ...], reason: str
) -> None:
    results = observe(*scores)
    figure = model_slice(results, results.definition.metrics[0], results.definition.parameters[0])
    assert (figure["medians"], figure["expected"]) == ([], None)
    assert reason in figure["reason"]


def test_learning_curves_have_a_line_for_each_run_that_logged_the_metric() -> None:
    runs = [
        Run("job 1", Curves("epoch", [0, 1, 2], {"loss": [3.0, None, 1.0], "accuracy": [0.1, 0.2, 0.3]}), 1),
        Run("job 2", Curves("epoch", [0, 1], {"loss": [4.0, 2.0]}), 2),
    ]
    assert curve_names(runs) == ["loss", "accuracy"]
    assert [(line["label"], line["x"], line["y"]) for line in learning_curves(runs, "loss")["lines"]] == [
        ("job 1", [0, 2], [3.0, 1.0]),
        ("job 2", [0, 1], [4.0, 2.0]),
    ]
    assert [line["number"] for line in learning_curves(runs, "accuracy")["lines"]] == [1]
