"""The legal point where an acquisition function is highest.

From many legal points, over the space and around the best ones, the most promising are moved along the
gradient, with the categories that they have; rounded to the space; and improved step by step where
parameters are ints, grids or categories. Only legal points are compared in the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.optim.optimize import optimize_acqf
from numpy.typing import NDArray
from torch import Tensor

from sigtune.definition.parameters import Assignments, Parameter
from sigtune.definition.unit_cube import from_unit, to_unit
from sigtune.optimizer.engines.model.acquisition import values_at
from sigtune.optimizer.engines.model.surrogate import as_tensor
from sigtune.optimizer.polytope import polytope_of
from sigtune.optimizer.space_filling import fill
from sigtune.optimizer.training_data import TrainingData

_SPREAD, _LOCAL = 256, 64
_RESTARTS = 4
_ITERATIONS = 60
_APART = 0.1
"""How far two starts are apart at least in one column."""

_MOVES = (0.01, 0.05, 0.15)
"""Standard deviations of the steps from the best points to those around them."""

_OTHER_CATEGORY = 0.2
_MOST_STEPS = 20
"""Parameters with so many choices at most are tried value by value, others only to the next values."""

_ROUNDS = 4


def best_point(
    data: TrainingData, acquisition: AcquisitionFunction, centres: Sequence[Assignments], seed: int
) -> Assignments:
    """Return the best legal point that is found; `centres` are the best known points."""
    definition = data.encoding.definition
    rng = np.random.default_rng(seed)
    points = [*fill(definition, _SPREAD, seed), *_around(data, centres, rng)]
    values = values_at(acquisition, as_tensor(data.rows_of(points)))
    order = torch.argsort(values, descending=True).tolist()
    starts = _apart(as_tensor(data.rows_of([points[index] for index in order])))
    climbed = [data.encoding.point(row.numpy()) for row in _climb(data, acquisition, starts)]
    legal = [point for point in climbed if definition.meets_linear_constraints(point)]
    finalists = [*legal, points[order[0]]]
    values = values_at(acquisition, as_tensor(data.rows_of(finalists)))
    chosen = int(values.argmax())
    return _improved(data, acquisition, finalists[chosen], float(values[chosen]))


def _around(
    data: TrainingData, centres: Sequence[Assignments], rng: np.random.Generator
) -> Iterator[Assignments]:
    """Iterate over legal points around the centres, each moved in some of its parameters."""
    definition = data.encoding.definition
    for index in range(_LOCAL if centres else 0):
        centre = centres[index % len(centres)]
        point = dict(centre)
        for conditional in definition.conditionals:
            if rng.random() < _OTHER_CATEGORY:
                point[conditional.name] = conditional.values[rng.integers(len(conditional.values))]
        active = definition.active_parameters(point)
        point = {c.name: point[c.name] for c in definition.conditionals}
        share, width = max(0.5, 2 / max(len(active), 1)), rng.choice(_MOVES)
        for parameter in active:
            point[parameter.name] = _moved(parameter, centre, rng, share, width)
        if definition.meets_linear_constraints(point):
            yield point


def _moved(
    parameter: Parameter, centre: Assignments, rng: np.random.Generator, share: float, width: float
) -> float | int | str:
    value = centre.get(parameter.name)
    if value is None:
        return from_unit(parameter, rng.random())
    if parameter.categories is not None:
        changes = rng.random() < _OTHER_CATEGORY
        return parameter.categories[rng.integers(len(parameter.categories))] if changes else value
    step = rng.normal() * width if rng.random() < share else 0.0
    return from_unit(parameter, float(np.clip(to_unit(parameter, value) + step, 0.0, 1.0)))


def _apart(rows: Tensor) -> Tensor:
    """Return the first rows that are not too close to one another."""
    chosen = [rows[0]]
    for row in rows[1:]:
        if len(chosen) == _RESTARTS:
            break
        if all((row - other).abs().max() > _APART for other in chosen):
            chosen.append(row)
    return torch.stack(chosen)


def _climb(data: TrainingData, acquisition: AcquisitionFunction, starts: Tensor) -> Iterator[Tensor]:
    """Iterate over where the starts lead; those with the same categories climb together."""
    width = starts.shape[-1]
    bounds = torch.stack([torch.zeros(width), torch.ones(width)]).double()
    groups: dict[tuple[tuple[int, float], ...], list[Tensor]] = {}
    for start in starts:
        groups.setdefault(_fixed_columns(data, start.numpy()), []).append(start)
    for fixed, group in groups.items():
        if len(fixed) == width:
            continue
        rows, _ = optimize_acqf(
            acquisition,
            bounds,
            q=1,
            num_restarts=len(group),
            batch_initial_conditions=torch.stack(group)[:, None],
            fixed_features=dict(fixed) or None,
            inequality_constraints=_inequalities(data),
            options={"maxiter": _ITERATIONS, "batch_limit": 8},
            return_best_only=False,
            retry_on_optimization_warning=False,
        )
        yield from rows[:, 0]


def _fixed_columns(data: TrainingData, row: NDArray[np.float64]) -> tuple[tuple[int, float], ...]:
    """Return the columns that no gradient may move: categories, what is not active, and the task."""
    encoding = data.encoding
    active = encoding.point(row[: encoding.width])
    fixed = [
        index
        for columns in encoding.columns
        if columns.values is not None or columns.name not in active
        for index in columns.indices
    ]
    return tuple((index, float(row[index])) for index in [*fixed, *range(encoding.width, len(row))])


def _inequalities(data: TrainingData) -> list[tuple[Tensor, Tensor, float]] | None:
    """Return the linear constraints in columns: indices, weights, and what the sum is at least."""
    definition = data.encoding.definition
    if not definition.linear_constraints:
        return None
    polytope = polytope_of(definition)
    starts = {columns.name: columns.start for columns in data.encoding.columns}
    indices = torch.tensor([starts[parameter.name] for parameter in polytope.parameters])
    return [
        (indices, as_tensor(weights), float(lower))
        for weights, lower in zip(polytope.matrix, polytope.lower.tolist(), strict=True)
    ]


def _improved(
    data: TrainingData, acquisition: AcquisitionFunction, point: Assignments, value: float
) -> Assignments:
    """Return the point after the best step of one choice, again and again while that helps."""
    for _ in range(_ROUNDS):
        neighbours = list(_neighbours(data, point))
        if not neighbours:
            break
        values = values_at(acquisition, as_tensor(data.rows_of(neighbours)))
        best = int(values.argmax())
        if float(values[best]) <= value:
            break
        point, value = neighbours[best], float(values[best])
    return point


def _neighbours(data: TrainingData, point: Assignments) -> Iterator[Assignments]:
    definition = data.encoding.definition
    for parameter in definition.active_parameters(point):
        choices = parameter.choices
        if choices is None:
            continue
        own = choices.index(point[parameter.name])
        ordered = parameter.categories is None
        near = (own - 1, own + 1) if ordered else range(min(len(choices), _MOST_STEPS))
        for other in near:
            if other != own and 0 <= other < len(choices):
                moved = {**point, parameter.name: choices[other]}
                if definition.meets_linear_constraints(moved):
                    yield moved
