"""The observations as arrays that a model is fitted to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigtune.definition.experiment import ExperimentDefinition, Observation
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments
from sigtune.definition.tasks import full_task
from sigtune.optimizer.encoding import Encoding
from sigtune.optimizer.scores import (
    ConstraintScale,
    Scale,
    constraint_scale_of,
    far_off,
    near_best,
    scales_of,
)

_Array = NDArray[np.float64]

MOST_MODELLED = 256
"""A model is fitted to so many observations at most: its cost grows with their number cubed."""

_MOST_COMPARED, _CLOSE = 100, 0.01
"""Scales are compared by so many observations at most, each so far from the others in some column."""

_FLAT_POINTS, _FLAT_DISTANCE, _LEAST_GAIN = 3, 0.05, 0.02
"""The best is flat if so many points, each so far from the others in some column, are nearly equal to it.
To leave it is to gain so much at least, of scores of unit variance on a linear scale (docs/adr/0026)."""

_MOST_NOISE = 30.0
"""A standard deviation of modelled scores above this says that nothing is known, too."""

_BEST_SHARE = 0.5

_SUCCEEDED, _FAILED = 0.2, -1.8
"""Margins of jobs that succeeded and that failed (docs/adr/0020).

The limit, 0, is nearer to what succeeded, so that a search stays on that side of where jobs begin to fail.
"""

_DOUBT, _DOUBT_OF_TWO = (1.0, 2.0), (4.0, 4.0)
"""The variances of a failure's score and of one that is far off: each is placed below the worst success, but
may as well have been good. So several near one another say where not to look, and one by itself says little.
With more noise searches find better points, but go on failing at the edge of failures (docs/adr/0027). Of two
metrics, whose front is longer than what is known of it, either says less (docs/adr/0029).
"""

_TASK_RANGE = 0.15
"""How far the cheapest task is from the full one: so near that they are alike, until they prove not to be."""

_FEWEST_OF_A_TASK = 3
"""Of so many observations on by a task their median says what its level is."""


@dataclass(frozen=True)
class Target:
    """What is modelled of one metric: scores (n,) for `rows`, the variance of their noise, NaN if unknown.

    `counts` (n,) says whose scores are of the metric's values: not those of failures, nor of what is far off,
    which stands where failures do (docs/adr/0025). A point that is expected to gain less than `least_gain`
    over the best is not worth its job.
    """

    metric: Metric
    scale: Scale | ConstraintScale
    scores: _Array
    noise: _Array
    counts: NDArray[np.bool_]
    least_gain: float = 0.0

    @property
    def is_informative(self) -> bool:
        """Return whether the scores differ at all."""
        return bool(np.ptp(self.scores) > 0)


@dataclass(frozen=True)
class TrainingData:
    """Rows (n, width) of the encoding, with a last column for the task where there are tasks.

    `task_position` is what stands in that column for the task that the next point is for; `succeeded` (n,)
    says which rows did not fail.
    """

    encoding: Encoding
    rows: _Array
    task_position: float | None
    optimized: tuple[Target, ...]
    constraints: tuple[Target, ...]
    succeeded: NDArray[np.bool_]

    @property
    def margins(self) -> _Array:
        """How far each row is from failing, shape (n,): below 0 where it failed."""
        return np.where(self.succeeded, _SUCCEEDED, _FAILED)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everything that is modelled, the optimized metrics first."""
        return self.optimized + self.constraints

    @property
    def feasible_rows(self) -> _Array:
        """The rows that were observed to meet every constraint."""
        return self.rows[_feasible(self.constraints, self.succeeded)]

    @property
    def own_rows(self) -> _Array:
        """The rows that succeeded by the task that the next point is for."""
        rows = self.rows[self.succeeded]
        return rows if self.task_position is None else rows[rows[:, -1] == self.task_position]

    @property
    def moved_rows(self) -> _Array:
        """All rows, as if every observation had been by the task that the next point is for."""
        rows = self.rows.copy()
        if self.task_position is not None:
            rows[:, -1] = self.task_position
        return rows

    def rows_of(self, points: Sequence[Assignments]) -> _Array:
        """Return the rows of points that are evaluated by the task that the next point is for."""
        rows = self.encoding.rows(points)
        if self.task_position is not None:
            rows = np.column_stack([rows, np.full(len(rows), self.task_position)])
        return rows


def training_data(
    definition: ExperimentDefinition,
    outcomes: Sequence[Observation],
    task: str | None,
    seed: int,
    *,
    leaves_flat: bool = False,
) -> TrainingData | None:
    """Return the observations to model for a point by the task, None where no success is among them.

    Left out are points that the experiment does not have any more. Of very many, the best ones are kept, and
    a random choice of the others. Where the best is flat, whoever `leaves_flat` looks for more than a last
    digit.
    """
    encoding = Encoding(definition)
    kept, rows = _encoded(encoding, outcomes)
    if all(outcome.values is None for outcome in kept):
        return None
    chosen = _chosen(definition, kept, seed)
    matrix = rows[chosen]
    kept = [kept[index] for index in chosen]
    succeeded = np.array([outcome.values is not None for outcome in kept])
    positions = _task_positions(definition)
    if positions:
        full = full_task(definition.tasks).name
        matrix = np.column_stack([matrix, [positions[item.task or full] for item in kept]])
    constraints = tuple(_constraint_target(metric, kept, succeeded) for metric in definition.constraints)
    flat_among = _feasible(constraints, succeeded) if leaves_flat else None
    return TrainingData(
        encoding,
        matrix,
        None if task is None else positions[task],
        tuple(
            _optimized_target(metric, definition, kept, succeeded, matrix, flat_among)
            for metric in definition.optimized_metrics
        ),
        constraints,
        succeeded,
    )


def _feasible(constraints: Sequence[Target], succeeded: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows were observed to meet every constraint, shape (n,)."""
    met = [target.scores >= 0 for target in constraints]
    return np.asarray(np.all([succeeded, *met], axis=0))


def _encoded(encoding: Encoding, outcomes: Sequence[Observation]) -> tuple[Sequence[Observation], _Array]:
    """Return the observations at points that the experiment still has, and their rows."""
    try:
        return outcomes, encoding.rows(outcome.assignments for outcome in outcomes)
    except ValueError:
        kept = [outcome for outcome in outcomes if encoding.has(outcome.assignments)]
        return kept, encoding.rows(outcome.assignments for outcome in kept)


def _chosen(definition: ExperimentDefinition, outcomes: Sequence[Observation], seed: int) -> NDArray[np.intp]:
    if len(outcomes) <= MOST_MODELLED:
        return np.arange(len(outcomes))
    ranks = np.zeros(len(outcomes))
    for metric in definition.optimized_metrics or definition.constraints:
        worst = -np.inf
        scores = [worst if o.values is None else metric.score(o.values[metric.name]) for o in outcomes]
        ranks += np.argsort(np.argsort(-np.array(scores), kind="stable"))
    order = np.argsort(ranks, kind="stable")
    best = round(_BEST_SHARE * MOST_MODELLED)
    others = np.random.default_rng(seed).permutation(order[best:])[: MOST_MODELLED - best]
    return np.sort(np.concatenate([order[:best], others]))


def _task_positions(definition: ExperimentDefinition) -> dict[str, float]:
    """Return where each task is in its column, by the logarithm of its cost: the cheapest at 0."""
    logarithms = {task.name: math.log(task.cost) for task in definition.tasks}
    lowest = min(logarithms.values(), default=0.0)
    return {name: _TASK_RANGE * (1 - value / lowest) for name, value in logarithms.items()}


def _optimized_target(
    metric: Metric,
    definition: ExperimentDefinition,
    outcomes: Sequence[Observation],
    succeeded: NDArray[np.bool_],
    rows: _Array,
    flat_among: NDArray[np.bool_] | None,
) -> Target:
    """Return what is modelled of an optimized metric.

    Where the best of the rows `flat_among`, a mask of shape (n,), is flat, the target is one that leaves it.
    """
    raw = np.array([metric.score(o.values[metric.name]) for o in outcomes if o.values is not None])
    if definition.tasks:
        raw = raw - _task_offsets(raw, [o.task for o in outcomes if o.values is not None])
    is_far = far_off(raw)
    counts, raw = succeeded.copy(), raw[~is_far]
    counts[succeeded] = ~is_far
    doubt = _DOUBT_OF_TWO if len(definition.optimized_metrics) == 2 else _DOUBT
    is_alone = len(definition.optimized_metrics) == definition.num_solutions == 1
    scales, least_gain = scales_of(raw, is_alone=is_alone), 0.0
    if (
        flat_among is not None
        and len(scales) > 1
        and _is_flat(raw[flat_among[counts]], rows[flat_among & counts])
    ):
        scales, least_gain = scales[:1], _LEAST_GAIN  # the first is linear
    targets, slopes = [], []
    for scale in scales:
        scores, slope = np.full(len(outcomes), scale.failure), np.zeros(len(outcomes))
        scores[counts], slope[counts] = scale.modelled(raw), scale.slope(raw)
        noise = _noise(metric, outcomes, counts, slope[counts], doubt)
        targets.append(Target(metric, scale, scores, noise, counts, least_gain))
        slopes.append(slope)
    return targets[0] if len(targets) == 1 else _likeliest(targets, np.array(slopes), rows)


def _likeliest(targets: Sequence[Target], slopes: _Array, rows: _Array) -> Target:
    """Return the target on the scale that makes the observations likeliest under a Gaussian process.

    `slopes` (targets, n) are those of the scales: with them the likelihood of modelled scores becomes that of
    the raw ones (Snelson et al. 2004, "Warped Gaussian Processes"). Left out of this is what a scale cuts
    off, the best, from which regrets are measured, and what is close to a better one: a search that settles
    gathers points at the best, and their differences, of the last digits, would speak for a scale that tells
    them apart. docs/adr/0016 has what it is worth.
    """
    from threadpoolctl import threadpool_limits

    from sigtune.optimizer.gaussian_process import log_evidence

    order = np.argsort(-targets[0].scores, kind="stable")
    chosen = _apart(rows, order, _CLOSE)
    chosen = chosen[:: math.ceil(len(chosen) / _MOST_COMPARED)]
    slopes_of_all = slopes[:, chosen[1:]]
    has_slope: NDArray[np.bool_] = np.all(slopes_of_all > 0, axis=0)
    with threadpool_limits(1):  # the order of a sum, so its last digits, must not depend on the cores
        evidence = [
            log_evidence(rows[chosen], target.scores[chosen], target.noise[chosen])
            + float(np.log(slope).sum())
            for target, slope in zip(targets, slopes_of_all[:, has_slope], strict=True)
        ]
    return targets[int(np.argmax(evidence))]


def _apart(rows: _Array, order: NDArray[np.intp], distance: float) -> NDArray[np.intp]:
    """Return the indices, in their order, of rows that are farther than `distance` from each one before.

    Far is what is so in some column.
    """
    chosen: list[int] = []
    for index in order.tolist():
        if not chosen or np.abs(rows[chosen] - rows[index]).max(1).min() > distance:
            chosen.append(index)
    return np.array(chosen, dtype=np.intp)


def _is_flat(raw: _Array, rows: _Array) -> bool:
    """Return whether points that are apart, of rows (n, width), share nearly the best raw score (n,)."""
    if len(raw) < _FLAT_POINTS:
        return False
    return len(_apart(rows, np.flatnonzero(near_best(raw)), _FLAT_DISTANCE)) >= _FLAT_POINTS


def _task_offsets(raw: _Array, tasks: Sequence[str | None]) -> _Array:
    """Return the level of each score's task: what few epochs reach is not what many reach.

    The first points by a task are where the model of the other tasks is best: they have the level at which
    they are as good as the best of those.
    """
    names = np.array([name or "" for name in tasks])
    counts = {str(name): int((names == name).sum()) for name in set(names.tolist())}
    offsets = np.full(len(raw), float(np.median(raw)))
    for name in (name for name, count in counts.items() if count >= _FEWEST_OF_A_TASK):
        offsets[names == name] = np.median(raw[names == name])
    known = np.array([counts[str(name)] >= _FEWEST_OF_A_TASK for name in names])
    if known.any():
        best = float((raw - offsets)[known].max())
        for name in (name for name, count in counts.items() if count < _FEWEST_OF_A_TASK):
            offsets[names == name] = raw[names == name].max() - best
    return offsets


def _constraint_target(
    metric: Metric, outcomes: Sequence[Observation], succeeded: NDArray[np.bool_]
) -> Target:
    raw = np.array([-metric.violation(o.values[metric.name]) for o in outcomes if o.values is not None])
    raw = np.clip(raw, -1e300, 1e300)
    scale = constraint_scale_of(raw)
    modelled = scale.modelled(raw)
    scores = np.full(len(outcomes), modelled.min())
    scores[succeeded] = modelled
    return Target(metric, scale, scores, _noise(metric, outcomes, succeeded, scale.slope(raw)), succeeded)


def _noise(
    metric: Metric,
    outcomes: Sequence[Observation],
    counts: NDArray[np.bool_],
    slope: _Array,
    doubt: tuple[float, float] = _DOUBT,
) -> _Array:
    """Return the variance of each modelled score, NaN for one that counts without a standard deviation."""
    of_failure, of_far_off = doubt
    uncounted = [of_failure if outcome.values is None else of_far_off for outcome in outcomes]
    noise = np.where(counts, np.nan, uncounted)
    stddevs = [outcomes[index].stddevs.get(metric.name) for index in np.flatnonzero(counts).tolist()]
    noise[counts] = [
        np.nan if stddev is None else min(stddev * rate, _MOST_NOISE) ** 2
        for stddev, rate in zip(stddevs, slope.tolist(), strict=True)
    ]
    return noise
