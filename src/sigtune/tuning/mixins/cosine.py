"""CosineParams: eta_min of `torch.optim.lr_scheduler.CosineAnnealingLR`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from omegaconf import DictConfig

from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.declaration import Key, write_assignments
from sigtune.tuning.mixins.target import require_target


class CosineParams(SigOptExperiment):
    """Tunes the rate that the cosine ends at, eta_min."""

    sets: ClassVar[Mapping[str, Key]] = {
        "eta_min": Key("scheduler.eta_min"),
    }

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the scheduler's assignments. Raises UsageError where that is not CosineAnnealingLR."""
        super().update_config_with_suggestion(config, suggestion)
        require_target(config, "scheduler", "torch.optim.lr_scheduler.CosineAnnealingLR", CosineParams)
        write_assignments(config, suggestion.assignments, CosineParams.sets)
