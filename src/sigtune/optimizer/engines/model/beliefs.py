"""The densities of priors, for gradients to follow."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sigtune.definition.parameters import NormalPrior, Parameter

_LOWEST = -50.0
_FARTHEST = math.sqrt(-2 * _LOWEST)
"""In standard deviations, where a normal prior is at its lowest."""

_MARGIN = 1e-3


def log_density(parameter: Parameter, positions: Tensor) -> Tensor:
    """Return the log of the parameter's prior at positions between its bounds, up to a constant.

    Bounded below, so that no prior rules out what the observations say is good.
    """
    prior = parameter.prior
    if isinstance(prior, NormalPrior):
        low, high = parameter.limits
        # Not low + positions * (high - low): the width of the widest bounds is no longer a double.
        distances = (low * (1 - positions) + high * positions - prior.mean) / prior.scale
        return -0.5 * distances.clamp(-_FARTHEST, _FARTHEST) ** 2
    assert prior is not None
    inside = positions.clamp(_MARGIN, 1 - _MARGIN)
    density = (prior.shape_a - 1) * torch.log(inside) + (prior.shape_b - 1) * torch.log1p(-inside)
    return density.clamp(min=_LOWEST)
