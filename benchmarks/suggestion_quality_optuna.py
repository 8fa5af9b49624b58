"""Optuna's samplers as optimizers of suggestion_quality.py."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.parameters import Assignments, Parameter
from suggestion_quality_problems import Values


class Optuna:
    """A study with one of Optuna's samplers; failures are told as such, constraints as it documents."""

    def __init__(self, definition: ExperimentDefinition, sampler: Callable[..., Any], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna, self._definition = optuna, definition
        self._trials: dict[int, Any] = {}
        constraints = {"constraints_func": self._violations} if definition.constraints else {}
        directions: list[Any] = [metric.objective for metric in definition.optimized_metrics]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of arguments that are called experimental
            self._study = optuna.create_study(
                directions=directions,
                sampler=sampler(seed=seed, **constraints),
            )

    def ask(self) -> tuple[int, Assignments]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = self._study.ask()
            point = {
                parameter.name: self._suggested(trial, parameter) for parameter in self._definition.parameters
            }
        self._trials[trial.number] = trial
        return trial.number, point

    def tell(self, number: int, values: Values | None) -> None:
        trial = self._trials[number]
        if values is None:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
            return
        trial.set_user_attr(
            "violations", [metric.violation(values[metric.name]) for metric in self._definition.constraints]
        )
        self._study.tell(trial, [values[metric.name] for metric in self._definition.optimized_metrics])

    @staticmethod
    def _violations(trial: Any) -> Sequence[float]:
        violations: Sequence[float] = trial.user_attrs["violations"]
        return violations

    @staticmethod
    def _suggested(trial: Any, parameter: Parameter) -> Any:
        if parameter.categories is not None:
            return trial.suggest_categorical(parameter.name, parameter.categories)
        if parameter.grid is not None:
            steps = parameter.grid
            return parameter.number(steps[trial.suggest_int(parameter.name, 0, len(steps) - 1)])
        low, high = parameter.limits
        if parameter.type == "int":
            return trial.suggest_int(parameter.name, int(low), int(high))
        return trial.suggest_float(parameter.name, low, high, log=parameter.log)


def optuna_gp(definition: ExperimentDefinition, seed: int) -> Optuna:
    from optuna.samplers import GPSampler

    return Optuna(definition, GPSampler, seed)


def optuna_tpe(definition: ExperimentDefinition, seed: int) -> Optuna:
    from optuna.samplers import TPESampler

    return Optuna(definition, TPESampler, seed)
