"""AdamParams and AdamWParams: log_lr and weight_decay of `torch.optim.Adam` and `AdamW`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from omegaconf import DictConfig

from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.declaration import Key, write_assignments
from sigtune.tuning.mixins.target import require_target


class AdamParams(SigOptExperiment):
    """Tunes Adam: its learning rate is exp(log_lr)."""

    sets: ClassVar[Mapping[str, Key]] = {
        "log_lr": Key("optimizer.lr", math.exp),
        "weight_decay": Key("optimizer.weight_decay"),
    }

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the optimiser's assignments. Raises UsageError where the optimiser is not Adam."""
        super().update_config_with_suggestion(config, suggestion)
        require_target(config, "optimizer", "torch.optim.Adam", AdamParams)
        write_assignments(config, suggestion.assignments, AdamParams.sets)


class AdamWParams(SigOptExperiment):
    """Tunes AdamW: its learning rate is exp(log_lr)."""

    sets: ClassVar[Mapping[str, Key]] = {
        "log_lr": Key("optimizer.lr", math.exp),
        "weight_decay": Key("optimizer.weight_decay"),
    }

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the optimiser's assignments. Raises UsageError where the optimiser is not AdamW."""
        super().update_config_with_suggestion(config, suggestion)
        require_target(config, "optimizer", "torch.optim.AdamW", AdamWParams)
        write_assignments(config, suggestion.assignments, AdamWParams.sets)
