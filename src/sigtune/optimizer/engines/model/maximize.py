"""The legal point where an acquisition function is highest.

From many legal points, over the space and around the best ones, the most promising are moved along the
gradient, with the categories, and the ints and grids of few values, that they have: so the model is asked
about values that can be tried only. These are then changed step by step, with a climb along the gradient
after each step. Only legal points are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.optim.optimize import optimize_acqf
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
"""Of so many values at most each is tried; of more, the next ones and where the gradient leads."""

_ROUNDS = 4
"""How many values of ints, grids and categories are changed at most, one after the other."""


def best_point(
    data: TrainingData, acquisition: AcquisitionFunction, centres: Sequence[Assignments], seed: int
) -> Assignments:
    """Return the best legal point that is found; `centres` are the best known points."""
    definition = data.encoding.definition
    rng = np.random.default_rng(seed)
    points = [*fill(definition, _SPREAD, seed), *_around(data, centres, rng)]
    values = values_at(acquisition, as_tensor(data.rows_of(points)))
    promising = [points[index] for index in torch.argsort(values, descending=True).tolist()]
    best = _best(data, acquisition, [promising[0], *_climbed(data, acquisition, _apart(data, promising))])
    for _ in range(_ROUNDS):
        step = _best(data, acquisition, [best, *_neighbours(data, best)])
        if step == best:
            break
        best = _best(data, acquisition, [step, *_climbed(data, acquisition, [step])])
    return best


def _best(data: TrainingData, acquisition: AcquisitionFunction, points: Sequence[Assignments]) -> Assignments:
    """Return the first of the best points."""
    return points[int(values_at(acquisition, as_tensor(data.rows_of(points))).argmax())]


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


def _apart(data: TrainingData, points: Sequence[Assignments]) -> list[Assignments]:
    """Return the first points that are not too close to one another."""
    rows = data.rows_of(points)
    chosen = [0]
    for index, row in enumerate(rows):
        if len(chosen) == _RESTARTS:
            break
        if np.abs(rows[chosen] - row).max(1).min() > _APART:
            chosen.append(index)
    return [points[index] for index in chosen]


class _Held(AcquisitionFunction):
    """An acquisition function without a slope along some columns, so that no climb moves them."""

    def __init__(self, base: AcquisitionFunction, columns: Sequence[int]) -> None:
        super().__init__(model=base.model)
        self._base, self._columns = base, list(columns)

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803 - BoTorch's name
        """Return the value of each point, shape (batch,), of points of shape (batch, 1, width)."""
        held = X.clone()
        held[..., self._columns] = X[..., self._columns].detach()
        values: Tensor = self._base(held)
        return values


def _climbed(
    data: TrainingData, acquisition: AcquisitionFunction, starts: Sequence[Assignments]
) -> list[Assignments]:
    """Return the legal points that the gradient leads to; starts with equal columns held climb together."""
    width = data.rows.shape[1]
    bounds = torch.stack([torch.zeros(width), torch.ones(width)]).double()
    groups: dict[tuple[int, ...], list[Assignments]] = {}
    for start in starts:
        groups.setdefault(_held_columns(data, start), []).append(start)
    ends: list[Assignments] = []
    for columns, group in groups.items():
        if len(columns) == width:
            continue
        rows, _ = optimize_acqf(
            _Held(acquisition, columns) if columns else acquisition,
            bounds,
            q=1,
            num_restarts=len(group),
            batch_initial_conditions=as_tensor(data.rows_of(group))[:, None],
            inequality_constraints=_inequalities(data),
            options={"maxiter": _ITERATIONS, "batch_limit": 8},
            return_best_only=False,
            retry_on_optimization_warning=False,
        )
        ends += [data.encoding.point(row.numpy()) for row in rows[:, 0]]
    return [end for end in ends if data.encoding.definition.meets_linear_constraints(end)]


def _held_columns(data: TrainingData, point: Assignments) -> tuple[int, ...]:
    """Return the columns that no gradient may move: few values, what is not active, and the task."""
    encoding = data.encoding
    held = [
        index
        for columns in encoding.columns
        if columns.values is not None or columns.name not in point or _has_few_values(columns.parameter)
        for index in columns.indices
    ]
    return (*held, *range(encoding.width, data.rows.shape[1]))


def _has_few_values(parameter: Parameter | None) -> bool:
    choices = None if parameter is None else parameter.choices
    return choices is not None and len(choices) <= _MOST_STEPS


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


def _neighbours(data: TrainingData, point: Assignments) -> Iterator[Assignments]:
    definition = data.encoding.definition
    for parameter in definition.active_parameters(point):
        choices = parameter.choices
        if choices is None:
            continue
        own = choices.index(point[parameter.name])
        every = parameter.categories is not None or _has_few_values(parameter)
        near = range(len(choices)) if every else (own - 1, own + 1)
        for other in near:
            if other != own and 0 <= other < len(choices):
                moved = {**point, parameter.name: choices[other]}
                if definition.meets_linear_constraints(moved):
                    yield moved
