"""The optimizers of suggestion_quality.py behind one interface: sigtune's own, and peers.

Ax and SMAC are not among sigtune's own development packages, for they bring many others: `pip install
--constraint constraints.txt ax-platform smac` adds them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Protocol

from sigtune.definition.experiment import ExperimentDefinition, Observation, Suggestion
from sigtune.definition.parameters import Assignments
from sigtune.optimizer.suggest import suggest
from suggestion_quality_problems import Values


class Optimizer(Protocol):
    """Draws points and is told what came of them, in any order."""

    def ask(self) -> tuple[int, Assignments]:
        """Return a point and its number."""

    def tell(self, number: int, values: Values | None) -> None:
        """Take the values of a point, None where the job failed."""


@dataclass
class Sigtune:
    """The embedded backend's optimizer; with type random, random search."""

    definition: ExperimentDefinition
    seed: int
    outcomes: list[Observation] = field(default_factory=list)
    open: dict[int, Assignments] = field(default_factory=dict)

    def ask(self) -> tuple[int, Assignments]:
        number = len(self.outcomes) + len(self.open)
        waiting = [Suggestion(assignments) for assignments in self.open.values()]
        self.open[number] = suggest(self.definition, self.outcomes, waiting, number, self.seed).assignments
        return number, self.open[number]

    def tell(self, number: int, values: Values | None) -> None:
        self.outcomes.append(Observation(self.open.pop(number), values))


def random_search(definition: ExperimentDefinition, seed: int) -> Optimizer:
    return Sigtune(replace(definition, type="random"), seed)


def optuna_gp(definition: ExperimentDefinition, seed: int) -> Optimizer:
    from optuna.samplers import GPSampler

    from suggestion_quality_optuna import Optuna

    return Optuna(definition, GPSampler, seed)


def optuna_tpe(definition: ExperimentDefinition, seed: int) -> Optimizer:
    from optuna.samplers import TPESampler

    from suggestion_quality_optuna import Optuna

    return Optuna(definition, TPESampler, seed)


def ax(definition: ExperimentDefinition, seed: int) -> Optimizer:
    from suggestion_quality_ax import Ax

    return Ax(definition, seed)


def smac(definition: ExperimentDefinition, seed: int) -> Optimizer:
    from suggestion_quality_smac import Smac

    return Smac(definition, seed)


OPTIMIZERS: dict[str, Callable[[ExperimentDefinition, int], Optimizer]] = {
    "sigtune": Sigtune,
    "Ax": ax,
    "Optuna GP": optuna_gp,
    "Optuna TPE": optuna_tpe,
    "SMAC": smac,
    "random": random_search,
}

_PACKAGES = {"Ax": "ax", "SMAC": "smac"}


def installed() -> list[str]:
    """Return the names of the optimizers whose packages are there."""
    return [name for name in OPTIMIZERS if name not in _PACKAGES or find_spec(_PACKAGES[name])]
