"""What is wrong with the metrics."""

from __future__ import annotations

from typing import Any

import pytest
from tests.definition.validation.definitions import experiment, found

A, B = {"name": "a"}, {"name": "b"}
LIMIT = {"name": "limit", "strategy": "constraint", "threshold": 1}


@pytest.mark.parametrize(
    "metrics",
    [
        None,
        ["a"],
        [A, {"name": "b", "objective": "minimize"}],
        [{**A, "threshold": 0.5}, {**B, "threshold": 1}],
        [A, LIMIT, {"name": "c", "strategy": "store"}],
        [LIMIT],
        [{"objective": "minimize"}],
        [{"name": None, "object": "metric"}],
    ],
)
def test_good_metrics_have_no_problem(metrics: Any) -> None:
    assert found(experiment(metrics=metrics)) == []


@pytest.mark.parametrize(
    ("metrics", "key", "what"),
    [
        ([], "metrics", "at least one metric"),
        ({"name": "a"}, "metrics", "expected a list"),
        ([3], "metrics[0]", "expected a name or a mapping"),
        ([A, "a"], "metrics.a", "defined 2 times"),
        ([A, {"objective": "maximize"}], "metrics[1].name", "missing"),
        ([{**A, "objective": "max"}], "metrics.a.objective", "unknown objective 'max'"),
        ([{**A, "strategy": "optimise"}], "metrics.a.strategy", "unknown strategy"),
        ([{**A, "goal": 1}], "metrics.a.goal", "unknown field"),
        ([A, B, {"name": "c"}], "metrics", "3 have the strategy optimize"),
        ([{**LIMIT, "name": f"l{number}"} for number in range(5)], "metrics", "5 have the strategy"),
        ([{**A, "strategy": "store"}], "metrics", "none is optimized"),
        ([A, *({"name": f"s{n}", "strategy": "store"} for n in range(50))], "metrics", "there are 51"),
        ([A, {**LIMIT, "threshold": None}], "metrics.limit.threshold", "missing"),
        ([A, {**LIMIT, "threshold": "low"}], "metrics.limit.threshold", "expected a finite number"),
        ([{**A, "threshold": 0.5}], "metrics.a.threshold", "needs a second optimized metric"),
        ([A, {**B, "strategy": "store", "threshold": 1}], "metrics.b.threshold", "no threshold"),
    ],
)
def test_bad_metrics_are_named_with_their_problem(metrics: Any, key: str, what: str) -> None:
    [(found_key, found_what)] = found(experiment(metrics=metrics))
    assert found_key == key
    assert what in found_what
