"""k-winner activations, as "How Can We Be So Dense?" (arXiv 1903.11257) defines them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class _KWinners(nn.Module):
    """What the 1-d and the 2-d layer share: boosting, duty cycles, and the choice of the winners.

    Of the `n` units of a sample the k = percent_on·n with the highest boosted activation x·exp(β(k/n − d))
    pass on their activation, unboosted; the others pass on 0. d is a unit's duty cycle: the moving average,
    over the last `duty_cycle_period` samples (or as many as were seen), of how often it was on, that is: won
    with an activation that is not 0. It is updated in training only. Gradients flow through winners alone.
    Every unit whose boosted activation equals the k-th highest wins, so that the choice does not depend on
    the order in which a device sorts; units tied at 0 pass on 0 whether they win or not.

    `boost_strength` (β) is a buffer, so that checkpoints keep how far it has decayed.
    """

    duty_cycle: Tensor
    samples_seen: Tensor
    boost_strength: Tensor

    def __init__(
        self,
        duty_units: int,
        percent_on: float,
        k_inference_factor: float,
        boost_strength: float,
        boost_strength_factor: float,
        duty_cycle_period: int,
    ) -> None:
        super().__init__()
        if not 0 < percent_on <= 1:
            raise ValueError(f"percent_on is {percent_on}; it must be in (0, 1]")
        if k_inference_factor <= 0:
            raise ValueError(f"k_inference_factor is {k_inference_factor}; it must be above 0")
        if boost_strength < 0:
            raise ValueError(f"boost_strength is {boost_strength}; it must be 0 or more")
        if duty_cycle_period < 1:
            raise ValueError(f"duty_cycle_period is {duty_cycle_period}; it must be 1 or more")
        self.percent_on = percent_on
        self.k_inference_factor = k_inference_factor
        self.boost_strength_factor = boost_strength_factor
        self.duty_cycle_period = duty_cycle_period
        self.register_buffer("duty_cycle", torch.zeros(duty_units))
        self.register_buffer("samples_seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("boost_strength", torch.tensor(float(boost_strength)))

    def decay_boost_strength(self) -> None:
        """Multiply the boost strength by `boost_strength_factor`."""
        self.boost_strength.mul_(self.boost_strength_factor)

    def winners(self, boosted: Tensor) -> Tensor:
        """Return which units of `boosted`, (N, n), win: a boolean tensor of the same shape."""
        units = boosted.shape[1]
        share = self.percent_on if self.training else self.percent_on * self.k_inference_factor
        k = min(units, max(1, round(share * units)))
        # The k-th highest is the lowest of the k highest; on the CPU topk is faster than kthvalue here.
        threshold = boosted.topk(k, dim=1, sorted=False).values.amin(dim=1, keepdim=True)
        return boosted >= threshold

    def boost_factors(self) -> Tensor:
        """Return exp(β(â − d)) for every unit that has a duty cycle, â being the target `percent_on`."""
        return torch.exp(self.boost_strength * (self.percent_on - self.duty_cycle))

    @torch.no_grad()
    def update_duty_cycle(self, share_on: Tensor, batch_size: int) -> None:
        """Take in a batch: `share_on` is each unit's share of the batch in which it was on, in [0, 1].

        d ← ((T − B)·d + B·share_on) / T, with T the samples seen so far, at most the period and at least B.
        """
        self.samples_seen.add_(batch_size)
        window = self.samples_seen.clamp(max=max(self.duty_cycle_period, batch_size)).to(share_on.dtype)
        self.duty_cycle.lerp_(
            share_on.to(self.duty_cycle.dtype), (batch_size / window).to(self.duty_cycle.dtype)
        )


class KWinners(_KWinners):
    """k winners among the `n` units of each vector, (N, n) to (N, n); a duty cycle for each unit.

    Raises ValueError, naming the argument, for a percent_on outside (0, 1] and the like.
    """

    def __init__(
        self,
        n: int,
        percent_on: float,
        k_inference_factor: float = 1.0,
        boost_strength: float = 1.0,
        boost_strength_factor: float = 0.9,
        duty_cycle_period: int = 1000,
    ) -> None:
        super().__init__(
            n, percent_on, k_inference_factor, boost_strength, boost_strength_factor, duty_cycle_period
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (N, n), with all but the winners set to 0."""
        with torch.no_grad():
            wins = self.winners(x * self.boost_factors())
        y = torch.where(wins, x, 0.0)
        if self.training:
            self.update_duty_cycle((y.detach() != 0).float().mean(dim=0), len(x))
        return y


class KWinners2d(_KWinners):
    """k winners among all channels and positions of each sample, (N, C, H, W) to the same shape.

    Boosting and duty cycles are per channel: a channel's duty cycle is the share of its positions that are
    on. Raises ValueError as KWinners does.
    """

    def __init__(
        self,
        channels: int,
        percent_on: float,
        k_inference_factor: float = 1.0,
        boost_strength: float = 1.0,
        boost_strength_factor: float = 0.9,
        duty_cycle_period: int = 1000,
    ) -> None:
        super().__init__(
            channels, percent_on, k_inference_factor, boost_strength, boost_strength_factor, duty_cycle_period
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (N, C, H, W), with all but the winners set to 0."""
        with torch.no_grad():
            boosted = x * self.boost_factors()[:, None, None]
            wins = self.winners(boosted.flatten(1)).view_as(x)
        y = torch.where(wins, x, 0.0)
        if self.training:
            self.update_duty_cycle((y.detach() != 0).float().mean(dim=(0, 2, 3)), len(x))
        return y


def decay_boost_strength(module: nn.Module) -> None:
    """Decay the boost strength of every k-winner layer of `module`."""
    for layer in module.modules():
        if isinstance(layer, _KWinners):
            layer.decay_boost_strength()
