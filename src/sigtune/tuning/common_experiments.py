"""Experiment classes ready to be named in `sigopt.experiment_class`."""

from __future__ import annotations

from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.mixins.one_cycle_lr import OneCycleLRParams
from sigtune.tuning.mixins.sgd import SGDParams
from sigtune.tuning.mixins.step_lr import StepLRParams


class SigOptSGDOneCycleLRExperiment(SGDParams, OneCycleLRParams, SigOptExperiment):
    """SGD under a one-cycle learning rate."""


class SigOptSGDStepLRExperiment(SGDParams, StepLRParams, SigOptExperiment):
    """SGD under a learning rate that drops every step_size epochs."""
