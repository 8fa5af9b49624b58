"""What the models believe of an experiment: for pages to show, by the models that choose suggestions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from sigtune.definition.experiment import ExperimentDefinition, Observation
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments, Parameter, Value
from sigtune.definition.ranking import is_feasible
from sigtune.definition.tasks import full_task
from sigtune.definition.unit_cube import from_unit
from sigtune.optimizer.libraries import alone
from sigtune.optimizer.training_data import training_data


@dataclass(frozen=True)
class Prediction:
    """What is expected of a metric at a point, in the metric's own units: the median and a 95 % interval.

    The interval is of the metric's mean, without the noise of a single evaluation.
    """

    assignments: Assignments
    median: float
    low: float
    high: float


def predictions(
    definition: ExperimentDefinition,
    outcomes: Sequence[Observation],
    metric: Metric,
    points: Sequence[Assignments],
    seed: int,
) -> list[Prediction]:
    """Return what the model of an optimized metric expects at points, by the full task.

    Empty where no success has been observed, or all of them are equal.
    """
    task = full_task(definition.tasks).name if definition.tasks else None
    with alone():
        data = training_data(definition, outcomes, task, seed)
    if data is None or not points:
        return []
    place = [target.metric.name for target in data.optimized].index(metric.name)
    target = data.optimized[place]
    if not target.is_informative:
        return []
    with alone():
        from sigtune.optimizer.engines.model.propose import single_thread
        from sigtune.optimizer.engines.model.surrogate import (
            as_tensor,
            gaussian_process,
            hyperparameters,
            moments,
        )

        with single_thread(seed):
            # Each by itself: of thousands of points together every covariance would be computed.
            rows = as_tensor(data.rows_of(points))[:, None]
            draws = next(islice(hyperparameters(data, seed, may_be_rough=False), place, None))
            mean, variance = moments(gaussian_process(data, target, draws), rows)
    middle, reach = mean.detach().numpy()[:, 0, 0], 1.96 * np.sqrt(variance.detach().numpy()[:, 0, 0])
    scores = [target.scale.raw(middle + sign * reach) for sign in (-1, 0, 1)]
    values = [sorted(metric.score(float(score)) for score in row) for row in zip(*scores, strict=True)]
    return [
        Prediction(point, median, low, high)
        for point, (low, median, high) in zip(points, values, strict=True)
    ]


def feasible_points(definition: ExperimentDefinition, outcomes: Sequence[Observation]) -> list[Assignments]:
    """Return the points of the observations by the full task that meet every constraint."""
    full = full_task(definition.tasks).name if definition.tasks else None
    return [
        outcome.assignments
        for outcome in outcomes
        if outcome.task == full and is_feasible(outcome.values, definition.metrics)
    ]


def predicted_best(expected: Sequence[Prediction], metric: Metric) -> Prediction | None:
    """Return the one with the best median, None of none.

    Of noisy observations it may be another than the one whose value was the best.
    """
    return max(expected, key=lambda prediction: metric.score(prediction.median), default=None)


def along(parameter: Parameter, steps: int) -> list[Value]:
    """Return values of a parameter from end to end: every one where it has no more than `steps`."""
    choices = parameter.choices
    if choices is not None and len(choices) <= steps:
        return list(choices)
    return list(dict.fromkeys(from_unit(parameter, step / (steps - 1)) for step in range(steps)))


def slice_points(parameter: Parameter, through: Assignments, steps: int = 50) -> list[Assignments]:
    """Return the points of a slice: one parameter from end to end, the others as they are in `through`."""
    return [{**through, parameter.name: value} for value in along(parameter, steps)]


def contour_points(
    first: Parameter, second: Parameter, through: Assignments, steps: int = 25
) -> list[Assignments]:
    """Return the points of a contour, row by row of the second parameter."""
    return [
        {**through, first.name: x, second.name: y} for y in along(second, steps) for x in along(first, steps)
    ]
