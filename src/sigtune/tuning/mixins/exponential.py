"""ExponentialParams: gamma of `torch.optim.lr_scheduler.ExponentialLR`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from omegaconf import DictConfig

from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.declaration import Key, write_assignments
from sigtune.tuning.mixins.target import require_target


class ExponentialParams(SigOptExperiment):
    """Tunes the factor of every epoch, gamma."""

    sets: ClassVar[Mapping[str, Key]] = {
        "gamma": Key("scheduler.gamma"),
    }

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the scheduler's assignments. Raises UsageError where the scheduler is not ExponentialLR."""
        super().update_config_with_suggestion(config, suggestion)
        require_target(config, "scheduler", "torch.optim.lr_scheduler.ExponentialLR", ExponentialParams)
        write_assignments(config, suggestion.assignments, ExponentialParams.sets)
