"""SMAC with its default facade for hyper-parameters, as an optimizer of suggestion_quality.py.

It has no constraint metrics: a point that misses one is told as a crash, as its users do. Its model cannot
take the infinite cost that it gives a crash by default, so a crash costs as much as the worst success so far.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.parameters import Assignments, Parameter
from sigtune.definition.ranking import is_feasible
from suggestion_quality_problems import Values

_TRIALS = 60
"""What SMAC plans for, which sets how many of its first points are random: as many as the benchmark makes."""


_CRASH_BEFORE_ANY_SUCCESS = 1e3


class Smac:
    """A random forest's expected improvement."""

    def __init__(self, definition: ExperimentDefinition, seed: int) -> None:
        from ConfigSpace import ConfigurationSpace
        from smac import HyperparameterOptimizationFacade, Scenario

        self._definition = definition
        space = ConfigurationSpace(seed=seed)
        space.add(*(_parameter(parameter) for parameter in definition.parameters))
        self._folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            space,
            objectives=[metric.name for metric in definition.optimized_metrics],
            deterministic=True,
            n_trials=_TRIALS,
            seed=seed,
            output_directory=Path(self._folder.name),
        )
        self._facade = HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, logging_level=logging.ERROR, overwrite=True
        )
        self._asked: list[Any] = []
        self._costs: list[list[float]] = []

    def ask(self) -> tuple[int, Assignments]:
        info = self._facade.ask()
        self._asked.append(info)
        point = {p.name: _value(p, info.config[p.name]) for p in self._definition.parameters}
        return len(self._asked) - 1, point

    def tell(self, number: int, values: Values | None) -> None:
        from smac.runhistory.dataclasses import TrialValue
        from smac.runhistory.enumerations import StatusType

        metrics = self._definition.optimized_metrics
        if values is None or not is_feasible(values, self._definition.metrics):
            costs = [max(known) for known in zip(*self._costs, strict=True)]
            costs = costs or [_CRASH_BEFORE_ANY_SUCCESS] * len(metrics)
            status = StatusType.CRASHED
        else:
            costs = [-metric.score(values[metric.name]) for metric in metrics]
            self._costs.append(costs)
            status = StatusType.SUCCESS
        value = TrialValue(cost=costs if len(costs) > 1 else costs[0], status=status)
        self._facade.tell(self._asked[number], value)


def _parameter(parameter: Parameter) -> Any:
    from ConfigSpace import Categorical, Float, Integer, OrdinalHyperparameter

    if parameter.categories is not None:
        return Categorical(parameter.name, list(parameter.categories))
    if parameter.grid is not None:
        return OrdinalHyperparameter(parameter.name, list(parameter.grid))
    low, high = parameter.limits
    if parameter.type == "int":
        return Integer(parameter.name, (int(low), int(high)), log=parameter.log)
    return Float(parameter.name, (low, high), log=parameter.log)


def _value(parameter: Parameter, value: Any) -> float | int | str:
    return str(value) if parameter.categories is not None else parameter.number(float(value))
