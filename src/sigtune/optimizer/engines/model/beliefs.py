"""The densities of priors, for gradients to follow."""

from __future__ import annotations

import torch
from torch import Tensor

from sigtune.definition.parameters import NormalPrior, Parameter

_LOWEST = -50.0
_MARGIN = 1e-3


def log_density(parameter: Parameter, positions: Tensor) -> Tensor:
    """Return the log of the parameter's prior at positions between its bounds, up to a constant.

    Bounded below, so that no prior rules out what the observations say is good.
    """
    prior = parameter.prior
    if isinstance(prior, NormalPrior):
        low, high = parameter.limits
        distances = (low + positions * (high - low) - prior.mean) / prior.scale
        return (-0.5 * distances**2).clamp(min=_LOWEST)
    assert prior is not None
    inside = positions.clamp(_MARGIN, 1 - _MARGIN)
    density = (prior.shape_a - 1) * torch.log(inside) + (prior.shape_b - 1) * torch.log1p(-inside)
    return density.clamp(min=_LOWEST)
