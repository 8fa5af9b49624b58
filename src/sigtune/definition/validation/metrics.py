"""Checks of metrics: objectives, strategies and thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigtune.definition.metrics import metric_object, metric_objects
from sigtune.definition.validation.fields import (
    choice_problems,
    duplicate_problems,
    is_list,
    item_path,
    name_problems,
    number_problems,
    unknown_field_problems,
)
from sigtune.errors import Problem

OBJECTIVES = ("maximize", "minimize")
STRATEGIES = ("optimize", "store", "constraint")
MAX_METRICS = 50
MAX_OF_STRATEGY = {"optimize": 2, "constraint": 4}
_FIELDS = ("name", "objective", "strategy", "threshold")


def metrics_problems(metrics: Any) -> list[Problem]:
    """Return what is wrong with the metrics; without any, there is one that has no name."""
    if metrics is None:
        return []
    if not is_list(metrics) or not metrics:
        return [Problem("metrics", "expected a list of at least one metric", "[{name: accuracy}]")]
    objects = [metric_object(metric) for metric in metrics]
    problems = duplicate_problems("metrics", objects)
    optimized = len(of_strategy("optimize", objects))
    for index, metric in enumerate(objects):
        path = item_path("metrics", index, metric)
        if not isinstance(metric, Mapping):
            problems.append(Problem(path, f"expected a name or a mapping, got {metric!r}"))
            continue
        problems += unknown_field_problems(path, metric, _FIELDS)
        if len(metrics) > 1 or metric.get("name") is not None:
            problems += name_problems(f"{path}.name", metric)
        problems += choice_problems(f"{path}.objective", metric.get("objective"), OBJECTIVES, "objective")
        problems += choice_problems(f"{path}.strategy", metric.get("strategy"), STRATEGIES, "strategy")
        problems += _threshold_problems(f"{path}.threshold", metric, optimized)
    return problems or _number_of_metrics_problems(objects)


def of_strategy(strategy: str, metrics: Any) -> list[Mapping[str, Any]]:
    """Return the metrics of a definition, checked or not, that have the strategy; optimize is the default."""
    return [
        metric for metric in metric_objects(metrics) if (metric.get("strategy") or "optimize") == strategy
    ]


def _number_of_metrics_problems(metrics: Sequence[Any]) -> list[Problem]:
    problems = []
    if len(metrics) > MAX_METRICS:
        problems.append(Problem("metrics", f"there are {len(metrics)}", f"at most {MAX_METRICS}"))
    for strategy, most in MAX_OF_STRATEGY.items():
        count = len(of_strategy(strategy, metrics))
        if count > most:
            what = f"{count} have the strategy {strategy}; at most {most} can"
            problems.append(Problem("metrics", what, "strategy: store for the others"))
    if not of_strategy("optimize", metrics) and not of_strategy("constraint", metrics):
        what = "none is optimized and none is a constraint"
        problems.append(Problem("metrics", what, "strategy: optimize for one"))
    return problems


def _threshold_problems(key: str, metric: Mapping[str, Any], optimized: int) -> list[Problem]:
    threshold, strategy = metric.get("threshold"), metric.get("strategy") or "optimize"
    if strategy == "constraint":
        return number_problems(key, threshold)
    if threshold is None:
        return []
    if strategy == "store":
        return [Problem(key, "a stored metric has no threshold", "strategy: constraint")]
    if optimized == 1:
        what = "a threshold of an optimized metric needs a second optimized metric"
        return [Problem(key, what, "strategy: constraint")]
    return number_problems(key, threshold)
