"""A suggestion from Optuna's Gaussian-process sampler, over a study that is made for it and thrown away.

Importing this module imports Optuna and torch, which takes a second or more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
import torch
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import GPSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from sigtune.definition.experiment import ExperimentDefinition, Observation
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments, Parameter, Value

_DIRECTIONS = {"maximize": StudyDirection.MAXIMIZE, "minimize": StudyDirection.MINIMIZE}


def propose(
    definition: ExperimentDefinition,
    outcomes: Sequence[Observation],
    open_suggestions: Sequence[Assignments],
    seed: int,
) -> Assignments:
    """Return the point of the largest expected improvement, given that the open suggestions are being tried.

    The improvement is weighed by how probably the point meets the constraints.
    At least one outcome must be a success. Not for several threads at once: see `_quiet_single_thread`.
    """
    parameters, metrics = definition.parameters, definition.optimized_metrics
    observed = _modelled_values(definition.metrics, outcomes)
    distributions = {parameter.name: _distribution(parameter) for parameter in parameters}
    trials = [
        _trial(definition, distributions, assignments, values)
        for assignments, values in [
            *zip([outcome.assignments for outcome in outcomes], observed, strict=True),
            *((assignments, None) for assignments in open_suggestions),
        ]
    ]
    with _quiet_single_thread():
        study = optuna.create_study(
            directions=[_DIRECTIONS[metric.objective] for metric in metrics],
            # The space has been filled before: model whatever has succeeded. The default would ask for ten.
            sampler=GPSampler(seed=seed, n_startup_trials=1),
        )
        study.add_trials(trials)
        chosen = study.ask(fixed_distributions=distributions).params
    return {parameter.name: _value(parameter, chosen[parameter.name]) for parameter in parameters}


@contextmanager
def _quiet_single_thread() -> Iterator[None]:
    """Silence Optuna's log and keep torch to one thread for a while.

    The matrices are so small that a second thread costs more than it brings; and with one the order of a sum,
    so its last digits, does not depend on the machine's cores. Both settings belong to the process.
    """
    verbosity, threads = optuna.logging.get_verbosity(), torch.get_num_threads()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        optuna.logging.set_verbosity(verbosity)


def _distribution(parameter: Parameter) -> BaseDistribution:
    if parameter.categories is not None:
        return CategoricalDistribution(parameter.categories)
    if parameter.grid is not None:
        # By its place on the grid: this keeps the order of the steps, which a categorical would lose, and
        # takes whoever chose the steps (0.001, 0.01, 0.1) at their word about what is evenly spaced.
        return IntDistribution(0, len(parameter.grid) - 1)
    low, high = parameter.limits
    if parameter.type == "int":
        return IntDistribution(int(low), int(high))
    return FloatDistribution(low, high, log=parameter.log)


def _coordinate(parameter: Parameter, value: Value) -> Any:
    return parameter.grid.index(float(value)) if parameter.grid is not None else value


def _value(parameter: Parameter, coordinate: Any) -> Value:
    if parameter.grid is not None:
        return parameter.number(parameter.grid[coordinate])
    return str(coordinate) if parameter.type == "categorical" else parameter.number(coordinate)


def _modelled_values(metrics: Sequence[Metric], outcomes: Sequence[Observation]) -> list[Mapping[str, float]]:
    """Return the values to model. A failure counts as the worst success, metric by metric.

    The sampler itself would leave failures out, and go on proposing points beside them.
    """
    successes = [outcome.values for outcome in outcomes if outcome.values is not None]
    worst = {
        metric.name: (max if metric.objective == "minimize" else min)(
            values[metric.name] for values in successes
        )
        for metric in metrics
    }
    return [worst if outcome.values is None else outcome.values for outcome in outcomes]


def _trial(
    definition: ExperimentDefinition,
    distributions: dict[str, BaseDistribution],
    assignments: Assignments,
    values: Mapping[str, float] | None,
) -> FrozenTrial:
    """Return a completed trial or, without values, a running one."""
    return create_trial(
        state=TrialState.RUNNING if values is None else TrialState.COMPLETE,
        params={
            parameter.name: _coordinate(parameter, assignments[parameter.name])
            for parameter in definition.parameters
        },
        distributions=distributions,
        values=None if values is None else [values[metric.name] for metric in definition.optimized_metrics],
        # Optuna's constraints are met by 0 and less.
        constraints=None
        if values is None
        else {metric.name: metric.violation(values[metric.name]) for metric in definition.constraints},
    )
