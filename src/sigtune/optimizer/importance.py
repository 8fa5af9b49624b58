"""How much each parameter matters to each metric, from the observations alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sigtune.definition.experiment import ExperimentDefinition, Observation
from sigtune.definition.parameters import Parameter

FEWEST_OBSERVATIONS = 10
"""Successful observations below which importances would be noise."""

MOST_GROUPS = 8
"""Into how many groups of equal size the values of a numeric parameter are put at most."""


def metric_importances(
    definition: ExperimentDefinition, observations: Sequence[Observation]
) -> dict[str, dict[str, float]]:
    """Return for each metric the importances of the parameters by name; they add up to 1 where any matters.

    A parameter's importance is its share of what each parameter by itself explains of the metric's variance:
    the adjusted correlation ratio, which estimates the first-order Sobol index. None of the observations is a
    failed one.
    """
    return {metric.name: _importances(definition, observations, metric.name) for metric in definition.metrics}


def _importances(
    definition: ExperimentDefinition, observations: Sequence[Observation], metric: str
) -> dict[str, float]:
    explained = {}
    for parameter in definition.parameters:
        active = [item for item in observations if parameter.name in item.assignments]
        values = np.array([_values(item)[metric] for item in active])
        explained[parameter.name] = _explained(_groups(parameter, active), values)
    total = sum(explained.values())
    return {name: share / total if total > 0 else 0.0 for name, share in explained.items()}


def _values(observation: Observation) -> Mapping[str, float]:
    assert observation.values is not None
    return observation.values


def _groups(parameter: Parameter, observations: Sequence[Observation]) -> npt.NDArray[np.intp]:
    """Return the group of each observation, (observations,): its category, or its place among the numbers."""
    column: npt.NDArray[Any] = np.array([item.assignments[parameter.name] for item in observations])
    distinct, groups = np.unique(column, return_inverse=True)
    if parameter.categories is None and len(distinct) > MOST_GROUPS:
        ranks = np.argsort(np.argsort(column, kind="stable"), kind="stable")
        groups = ranks * _group_count(len(column)) // len(column)
    return np.asarray(groups, dtype=np.intp)


def _group_count(observations: int) -> int:
    return max(2, min(MOST_GROUPS, observations // 4))


def _explained(groups: npt.NDArray[np.intp], values: npt.NDArray[np.float64]) -> float:
    """Return the adjusted correlation ratio, in [0, 1]: 0 where the groups explain no more than chance."""
    count, names = len(values), np.unique(groups)
    if count <= len(names) or len(names) < 2 or np.ptp(values) == 0:
        return 0.0
    clipped = _without_outliers(values)
    total = float(np.var(clipped)) * count
    within = sum(float(np.var(clipped[groups == name])) * int((groups == name).sum()) for name in names)
    return max(0.0, 1 - (within / (count - len(names))) / (total / (count - 1)))


def _without_outliers(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the values with those that are far off moved nearer, so that one does not decide alone."""
    low, high = np.quantile(values, [0.25, 0.75])
    if low == high:
        return values
    reach = 3 * (high - low)
    return np.clip(values, low - reach, high + reach)
