"""ReduceOnPlateauParams: factor and patience of `torch.optim.lr_scheduler.ReduceLROnPlateau`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from omegaconf import DictConfig

from sigtune.errors import Problem, UsageError
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.declaration import Key, write_assignments
from sigtune.tuning.mixins.target import require_target


def whole_patience(patience: float) -> int:
    """Return the patience as an int. Raises UsageError where it is not a whole number from 0 up."""
    if patience != int(patience) or patience < 0:
        what = f"{patience} is not a whole number from 0 up"
        raise UsageError(
            [Problem("sigopt.parameters.patience", what, "type int, with bounds.min of at least 0")]
        )
    return int(patience)


class ReduceOnPlateauParams(SigOptExperiment):
    """Tunes the factor of each drop, and the whole number of epochs without progress before it, patience."""

    sets: ClassVar[Mapping[str, Key]] = {
        "factor": Key("scheduler.factor"),
        "patience": Key("scheduler.patience", whole_patience),
    }

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the scheduler's assignments. Raises UsageError where that is not ReduceLROnPlateau."""
        super().update_config_with_suggestion(config, suggestion)
        require_target(
            config, "scheduler", "torch.optim.lr_scheduler.ReduceLROnPlateau", ReduceOnPlateauParams
        )
        write_assignments(config, suggestion.assignments, ReduceOnPlateauParams.sets)
