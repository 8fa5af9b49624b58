"""Mixins, one per optimiser or scheduler, that write a suggestion's assignments into the config."""

from __future__ import annotations

from sigtune.tuning.mixins.adam import AdamParams, AdamWParams
from sigtune.tuning.mixins.cosine import CosineParams
from sigtune.tuning.mixins.exponential import ExponentialParams
from sigtune.tuning.mixins.one_cycle_lr import OneCycleLRParams
from sigtune.tuning.mixins.reduce_on_plateau import ReduceOnPlateauParams
from sigtune.tuning.mixins.sgd import SGDParams
from sigtune.tuning.mixins.step_lr import StepLRParams

__all__ = [
    "AdamParams",
    "AdamWParams",
    "CosineParams",
    "ExponentialParams",
    "OneCycleLRParams",
    "ReduceOnPlateauParams",
    "SGDParams",
    "StepLRParams",
]
