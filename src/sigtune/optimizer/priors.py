"""The beliefs about where good values lie, as quantiles."""

from __future__ import annotations

from sigtune.definition.parameters import NormalPrior, Parameter, Prior
from sigtune.definition.unit_cube import fraction


def quantile(parameter: Parameter, prior: Prior, probability: float) -> float:
    """Return the position in [0, 1] below which the prior, cut at the bounds, has this probability."""
    from scipy import special

    low, high = parameter.limits
    if isinstance(prior, NormalPrior):
        below = float(special.ndtr((low - prior.mean) / prior.scale))
        within = float(special.ndtr((high - prior.mean) / prior.scale)) - below
        if within <= 0:  # so far outside that only the nearer bound is believed in
            return float(prior.mean > high)
        value = prior.mean + prior.scale * float(special.ndtri(below + probability * within))
        position = fraction(value, low, high)
    else:
        position = float(special.betaincinv(prior.shape_a, prior.shape_b, probability))
    return min(max(position, 0.0), 1.0)
