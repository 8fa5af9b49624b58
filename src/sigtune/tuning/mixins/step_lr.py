"""StepLRParams: gamma and step_size of `torch.optim.lr_scheduler.StepLR`."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from sigtune.errors import Problem, UsageError
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.target import require_target


class StepLRParams(SigOptExperiment):
    """Sets scheduler.gamma, and scheduler.step_size as a whole number of epochs."""

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the scheduler's assignments.

        Raises UsageError where the scheduler is not StepLR, or step_size is no whole number from 1 up.
        """
        super().update_config_with_suggestion(config, suggestion)
        require_target(config, "scheduler", "torch.optim.lr_scheduler.StepLR", StepLRParams)
        assignments = suggestion.assignments
        if "gamma" in assignments:
            config.scheduler.gamma = assignments["gamma"]
        if "step_size" in assignments:
            config.scheduler.step_size = _whole_epochs(assignments["step_size"])


def _whole_epochs(step_size: float) -> int:
    if step_size != int(step_size) or step_size < 1:
        raise UsageError(
            [
                Problem(
                    "sigopt.parameters.step_size",
                    f"{step_size} is no whole number of epochs from 1 up",
                    "type int, with bounds.min of at least 1",
                )
            ]
        )
    return int(step_size)
