"""OneCycleLRParams: the parameters of `torch.optim.lr_scheduler.OneCycleLR`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from sigtune.errors import Problem, UsageError
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.target import require_target


class OneCycleLRParams(SigOptExperiment):
    """Sets max_lr, div_factor (or init_lr), final_div_factor, max_momentum, cycle_momentum and pct_start."""

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the scheduler's assignments.

        Raises UsageError where the scheduler is not OneCycleLR, where both init_lr and div_factor are tuned,
        and where cycle_momentum is neither true nor false.
        """
        super().update_config_with_suggestion(config, suggestion)
        require_target(config, "scheduler", "torch.optim.lr_scheduler.OneCycleLR", OneCycleLRParams)
        assignments, scheduler = suggestion.assignments, config.scheduler
        for name in ("max_lr", "div_factor", "final_div_factor"):
            if name in assignments:
                scheduler[name] = assignments[name]
        if "init_lr" in assignments:
            scheduler.div_factor = _div_factor(scheduler, assignments)
        if "momentum" in assignments:
            scheduler.max_momentum = assignments["momentum"]
        if "cycle_momentum" in assignments:
            scheduler.cycle_momentum = _parse_bool("cycle_momentum", assignments["cycle_momentum"])
        if "pct_start" in assignments:
            scheduler.pct_start = whole_epochs(assignments["pct_start"], config.trainer.max_epochs)


def whole_epochs(pct_start: float, epochs: int) -> float:
    """Round a fraction of the run to whole epochs: floor(pct_start·epochs + ½) / epochs.

    Raises UsageError where there is no epoch.
    """
    if epochs < 1:
        raise UsageError(
            [Problem(f"trainer.max_epochs={epochs}", "expected 1 or more", "trainer.max_epochs=1")]
        )
    return math.floor(pct_start * epochs + 0.5) / epochs


def _div_factor(scheduler: DictConfig, assignments: Mapping[str, Any]) -> float:
    """Return max_lr / init_lr, from OneCycleLR's definition initial_lr = max_lr / div_factor."""
    if "div_factor" in assignments:
        raise UsageError(
            [
                Problem(
                    "sigopt.parameters.init_lr",
                    "tuned together with div_factor, which is max_lr / init_lr",
                    "tune one of the two",
                )
            ]
        )
    return float(scheduler.max_lr / assignments["init_lr"])


def _parse_bool(name: str, text: str) -> bool:
    values = {"true": True, "false": False}
    if text.lower() not in values:
        raise UsageError(
            [Problem(f"sigopt.parameters.{name}", f"{text!r} is neither true nor false", "true or false")]
        )
    return values[text.lower()]
