"""SGDParams: log_lr, momentum and weight_decay of `torch.optim.SGD`."""

from __future__ import annotations

import math
from typing import Any

from omegaconf import DictConfig

from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.target import require_target


class SGDParams(SigOptExperiment):
    """Sets optimizer.lr to exp(log_lr), and optimizer.momentum and optimizer.weight_decay as suggested."""

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the optimiser's assignments. Raises UsageError where the optimiser is not SGD."""
        super().update_config_with_suggestion(config, suggestion)
        require_target(config, "optimizer", "torch.optim.SGD", SGDParams)
        assignments = suggestion.assignments
        if "log_lr" in assignments:
            config.optimizer.lr = math.exp(assignments["log_lr"])
        for name in ("momentum", "weight_decay"):
            if name in assignments:
                config.optimizer[name] = assignments[name]
