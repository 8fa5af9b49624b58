"""OneCycleLRParams: the parameters of `torch.optim.lr_scheduler.OneCycleLR`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from omegaconf import DictConfig

from sigtune.errors import Problem, UsageError
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.declaration import Key, write_assignments
from sigtune.tuning.mixins.target import require_target


def initial_division(init_lr: float, max_lr: float) -> float:
    """Return max_lr / init_lr, from OneCycleLR's definition initial_lr = max_lr / div_factor."""
    return max_lr / init_lr


def whole_epochs(pct_start: float, epochs: int) -> float:
    """Round a fraction of the run to whole epochs: floor(pct_start·epochs + ½) / epochs.

    A run whose end is given in steps (-1 epochs) keeps the fraction. Raises UsageError where there is no
    epoch.
    """
    if epochs == -1:
        return pct_start
    if epochs < 1:
        raise UsageError(
            [Problem(f"trainer.max_epochs={epochs}", "expected 1 or more", "trainer.max_epochs=1")]
        )
    return math.floor(pct_start * epochs + 0.5) / epochs


def parse_cycle_momentum(text: str) -> bool:
    """Return the boolean that a category names. Raises UsageError where it names none."""
    values = {"true": True, "false": False}
    if text.lower() not in values:
        what = f"{text!r} is neither true nor false"
        raise UsageError([Problem("sigopt.parameters.cycle_momentum", what, "true or false")])
    return values[text.lower()]


class OneCycleLRParams(SigOptExperiment):
    """Tunes the learning-rate and momentum cycle; init_lr stands for div_factor."""

    sets: ClassVar[Mapping[str, Key]] = {
        "max_lr": Key("scheduler.max_lr"),
        "div_factor": Key("scheduler.div_factor"),
        "final_div_factor": Key("scheduler.final_div_factor"),
        "init_lr": Key("scheduler.div_factor", initial_division, reads=("scheduler.max_lr",)),
        "momentum": Key("scheduler.max_momentum"),
        "cycle_momentum": Key("scheduler.cycle_momentum", parse_cycle_momentum),
        "pct_start": Key("scheduler.pct_start", whole_epochs, reads=("trainer.max_epochs",)),
    }

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the scheduler's assignments.

        Raises UsageError where the scheduler is not OneCycleLR, where both init_lr and div_factor are tuned,
        and where cycle_momentum is neither true nor false.
        """
        super().update_config_with_suggestion(config, suggestion)
        require_target(config, "scheduler", "torch.optim.lr_scheduler.OneCycleLR", OneCycleLRParams)
        write_assignments(config, suggestion.assignments, OneCycleLRParams.sets)
