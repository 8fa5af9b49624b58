"""StepLRParams: gamma and step_size of `torch.optim.lr_scheduler.StepLR`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from omegaconf import DictConfig

from sigtune.errors import Problem, UsageError
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.declaration import Key, write_assignments
from sigtune.tuning.mixins.target import require_target


def whole_epochs(step_size: float) -> int:
    """Round a number of epochs as the published search does: floor(step_size + ½), and at least 1.

    Raises UsageError where it is not above 0. Of a space, that shows at its lowest value.
    """
    if step_size <= 0:
        what = f"{step_size} is not a number of epochs above 0"
        raise UsageError([Problem("sigopt.parameters.step_size", what, "bounds.min of at least 1")])
    return max(1, math.floor(step_size + 0.5))


class StepLRParams(SigOptExperiment):
    """Tunes the factor of each drop, gamma, and the epochs between drops, step_size, which it rounds."""

    sets: ClassVar[Mapping[str, Key]] = {
        "gamma": Key("scheduler.gamma"),
        "step_size": Key("scheduler.step_size", whole_epochs),
    }

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the scheduler's assignments.

        Raises UsageError where the scheduler is not StepLR, or step_size is not above 0.
        """
        super().update_config_with_suggestion(config, suggestion)
        require_target(config, "scheduler", "torch.optim.lr_scheduler.StepLR", StepLRParams)
        write_assignments(config, suggestion.assignments, StepLRParams.sets)
