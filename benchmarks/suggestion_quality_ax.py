"""Ax with its default strategy, as an optimizer of suggestion_quality.py."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments, Parameter
from suggestion_quality_problems import Values


class Ax:
    """An experiment in Ax's client: the centre, Sobol points, then its BoTorch model."""

    def __init__(self, definition: ExperimentDefinition, seed: int) -> None:
        from ax.api.client import Client

        logging.disable(logging.WARNING)
        self._client = Client(random_seed=seed)
        self._metrics = definition.metrics
        self._client.configure_experiment(parameters=[_parameter(each) for each in definition.parameters])
        self._client.configure_optimization(
            objective=", ".join(_objective(metric) for metric in definition.optimized_metrics),
            outcome_constraints=[_constraint(metric) for metric in definition.constraints],
        )

    def ask(self) -> tuple[int, Assignments]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            [(number, point)] = self._client.get_next_trials(max_trials=1).items()
        return number, dict(point)

    def tell(self, number: int, values: Values | None) -> None:
        if values is None:
            self._client.mark_trial_failed(trial_index=number)
            return
        data = {_name(metric): values[metric.name] for metric in self._metrics}
        self._client.complete_trial(trial_index=number, raw_data=data)


def _parameter(parameter: Parameter) -> Any:
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    kind = {"double": "float", "int": "int", "categorical": "str"}[parameter.type]
    if parameter.bounds is None:
        values = list(parameter.choices or ())
        ordered = parameter.categories is None
        return ChoiceParameterConfig(
            name=parameter.name, values=values, parameter_type=kind, is_ordered=ordered
        )
    low, high = parameter.bounds
    scaling = "log" if parameter.log else "linear"
    return RangeParameterConfig(name=parameter.name, bounds=(low, high), parameter_type=kind, scaling=scaling)


def _name(metric: Metric) -> str:
    return f"metric_{metric.name}"  # some names of ours are functions of the library that reads expressions


def _objective(metric: Metric) -> str:
    return f"-{_name(metric)}" if metric.objective == "minimize" else _name(metric)


def _constraint(metric: Metric) -> str:
    relation = "<=" if metric.objective == "minimize" else ">="
    return f"{_name(metric)} {relation} {metric.threshold}"
