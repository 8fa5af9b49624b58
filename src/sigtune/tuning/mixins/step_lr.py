"""StepLRParams: gamma and step_size of `torch.optim.lr_scheduler.StepLR`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from omegaconf import DictConfig

from sigtune.errors import Problem, UsageError
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.declaration import Key, write_assignments
from sigtune.tuning.mixins.target import require_target


def whole_epochs(step_size: float) -> int:
    """Return the number of epochs as an int. Raises UsageError where it is not a whole number from 1 up."""
    if step_size != int(step_size) or step_size < 1:
        what = f"{step_size} is not a whole number of epochs from 1 up"
        remedy = "type int, with bounds.min of at least 1"
        raise UsageError([Problem("sigopt.parameters.step_size", what, remedy)])
    return int(step_size)


class StepLRParams(SigOptExperiment):
    """Tunes the factor of each drop, gamma, and the whole number of epochs between drops, step_size."""

    sets: ClassVar[Mapping[str, Key]] = {
        "gamma": Key("scheduler.gamma"),
        "step_size": Key("scheduler.step_size", whole_epochs),
    }

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the scheduler's assignments.

        Raises UsageError where the scheduler is not StepLR, or step_size is not a whole number from 1 up.
        """
        super().update_config_with_suggestion(config, suggestion)
        require_target(config, "scheduler", "torch.optim.lr_scheduler.StepLR", StepLRParams)
        write_assignments(config, suggestion.assignments, StepLRParams.sets)
