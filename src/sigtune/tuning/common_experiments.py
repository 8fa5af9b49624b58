"""Experiment classes ready to be named in `sigopt.experiment_class`: each optimizer under each scheduler."""

from __future__ import annotations

from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.adam import AdamParams, AdamWParams
from sigtune.tuning.mixins.cosine import CosineParams
from sigtune.tuning.mixins.exponential import ExponentialParams
from sigtune.tuning.mixins.one_cycle_lr import OneCycleLRParams
from sigtune.tuning.mixins.reduce_on_plateau import ReduceOnPlateauParams
from sigtune.tuning.mixins.sgd import SGDParams
from sigtune.tuning.mixins.step_lr import StepLRParams


class SigOptSGDOneCycleLRExperiment(SGDParams, OneCycleLRParams, SigOptExperiment):
    """SGD under a one-cycle learning rate."""


class SigOptSGDStepLRExperiment(SGDParams, StepLRParams, SigOptExperiment):
    """SGD under a learning rate that drops every step_size epochs."""


class SigOptSGDCosineExperiment(SGDParams, CosineParams, SigOptExperiment):
    """SGD under a learning rate that falls along a cosine."""


class SigOptSGDExponentialExperiment(SGDParams, ExponentialParams, SigOptExperiment):
    """SGD under a learning rate that falls by gamma every epoch."""


class SigOptSGDReduceOnPlateauExperiment(SGDParams, ReduceOnPlateauParams, SigOptExperiment):
    """SGD under a learning rate that drops when the monitored metric stands still."""


class SigOptAdamOneCycleLRExperiment(AdamParams, OneCycleLRParams, SigOptExperiment):
    """Adam under a one-cycle learning rate."""


class SigOptAdamStepLRExperiment(AdamParams, StepLRParams, SigOptExperiment):
    """Adam under a learning rate that drops every step_size epochs."""


class SigOptAdamCosineExperiment(AdamParams, CosineParams, SigOptExperiment):
    """Adam under a learning rate that falls along a cosine."""


class SigOptAdamExponentialExperiment(AdamParams, ExponentialParams, SigOptExperiment):
    """Adam under a learning rate that falls by gamma every epoch."""


class SigOptAdamReduceOnPlateauExperiment(AdamParams, ReduceOnPlateauParams, SigOptExperiment):
    """Adam under a learning rate that drops when the monitored metric stands still."""


class SigOptAdamWOneCycleLRExperiment(AdamWParams, OneCycleLRParams, SigOptExperiment):
    """AdamW under a one-cycle learning rate."""


class SigOptAdamWStepLRExperiment(AdamWParams, StepLRParams, SigOptExperiment):
    """AdamW under a learning rate that drops every step_size epochs."""


class SigOptAdamWCosineExperiment(AdamWParams, CosineParams, SigOptExperiment):
    """AdamW under a learning rate that falls along a cosine."""


class SigOptAdamWExponentialExperiment(AdamWParams, ExponentialParams, SigOptExperiment):
    """AdamW under a learning rate that falls by gamma every epoch."""


class SigOptAdamWReduceOnPlateauExperiment(AdamWParams, ReduceOnPlateauParams, SigOptExperiment):
    """AdamW under a learning rate that drops when the monitored metric stands still."""
