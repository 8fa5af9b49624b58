"""k-winner activations, as "How Can We Be So Dense?" (arXiv 1903.11257) defines them.

Of the n units of a sample, the k = round(percent_on·n) with the highest boosted activation x·exp(β(â − d))
pass on their activation x, unboosted; the others pass on 0, and no gradient. At inference k is
⌊k·k_inference_factor⌋ in KWinners and round(percent_on·k_inference_factor·n) in KWinners2d, as in the
published code (nupic.torch). k is at least 1 and at most n.

d is the unit's duty cycle, â = k/n what it would be if all units took equal turns, β the boost strength. A
unit is on for a sample if it won with an activation above 0. In training a batch of B samples updates
d ← ((T − B)·d + number of its samples with the unit on) / T, where T is the number of samples seen so far,
this batch among them, but at most `duty_cycle_period`, and never less than B.

Ties: every unit whose boosted activation equals the k-th highest wins. So the choice depends on the values
alone, not on a device's order of sorting. In 16 bits, where a hundredth of the winners would be such, exactly
k win: of those that are equal the first ones, position by position, channel by channel. A NaN stays one: a
network that diverged shows it in its loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sigtune.kernels.kth_highest import kth_highest
from sigtune.models.arguments import require, require_percent_on


@dataclass(frozen=True)
class KWinnersConfig:
    """What the k-winner layers of a network share, in the words of the definition above.

    Raises ValueError, naming the field, for a k_inference_factor not above 0, a negative boost_strength, a
    boost_strength_factor outside [0, 1], a duty_cycle_period below 1.
    """

    k_inference_factor: float = 1.0
    boost_strength: float = 1.0
    boost_strength_factor: float = 0.9
    duty_cycle_period: int = 1000

    def __post_init__(self) -> None:
        factor = self.boost_strength_factor
        require(self.k_inference_factor > 0, "k_inference_factor", self.k_inference_factor, "above 0")
        require(self.boost_strength >= 0, "boost_strength", self.boost_strength, "0 or more")
        require(0 <= factor <= 1, "boost_strength_factor", factor, "in [0, 1]")
        require(self.duty_cycle_period >= 1, "duty_cycle_period", self.duty_cycle_period, "1 or more")


DEFAULTS = KWinnersConfig()


class _KWinners(nn.Module):
    """What the 1-d and the 2-d layer share: k, boosting, and the duty cycles, `units` of them.

    Its state is in buffers, so that checkpoints hold it: `duty_cycle`, (D,), `samples_seen`, and
    `boost_strength`.
    """

    duty_cycle: Tensor
    samples_seen: Tensor
    boost_strength: Tensor

    def __init__(self, units: int, percent_on: float, config: KWinnersConfig = DEFAULTS) -> None:
        super().__init__()
        require_percent_on(percent_on)
        self.percent_on = percent_on
        self.k_inference_factor = config.k_inference_factor
        self.boost_strength_factor = config.boost_strength_factor
        self.duty_cycle_period = config.duty_cycle_period
        self.register_buffer("duty_cycle", torch.zeros(units))
        self.register_buffer("samples_seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("boost_strength", torch.tensor(float(config.boost_strength)))

    def extra_repr(self) -> str:
        """Return what tells one layer from another where a model is printed."""
        return f"{len(self.duty_cycle)}, percent_on={self.percent_on}"

    def entropy(self) -> Tensor:
        """Return the mean over the duty cycles d of -d·log2(d) - (1 - d)·log2(1 - d), in bits, a scalar.

        It is highest, for its share of winners, where all units take equal turns: see `highest_entropy`.
        """
        return _binary_entropy(self.duty_cycle.double()).mean().float()

    def highest_entropy(self) -> Tensor:
        """Return the entropy of units that take equal turns at being on, a scalar."""
        return _binary_entropy(torch.tensor(self.percent_on, dtype=torch.float64)).float()

    def decay_boost_strength(self) -> None:
        """Multiply the boost strength by `boost_strength_factor`."""
        self.boost_strength.mul_(self.boost_strength_factor)

    def _training_k(self, units: int) -> int:
        return max(1, round(self.percent_on * units))

    def k(self, units: int) -> int:
        """Return how many of a sample's `units` win, in training or at inference as the layer's mode is."""
        return self._training_k(units) if self.training else min(units, max(1, self._inference_k(units)))

    def _inference_k(self, units: int) -> int:
        raise NotImplementedError

    def boost_factors(self, units: int) -> Tensor:
        """Return exp(β(â − d)), (D,), in float32 even where the model is in half precision."""
        target = self._training_k(units) / units
        return torch.exp(self.boost_strength.float() * (target - self.duty_cycle.float()))

    def update_duty_cycle(self, share_on: Tensor, batch_size: int) -> None:
        """Take in a batch, `share_on`, (D,), being the share of it for which each unit was on."""
        self.samples_seen.add_(batch_size)
        window = self.samples_seen.clamp(max=max(self.duty_cycle_period, batch_size))
        # d + (B/T)·(share − d) is ((T − B)·d + B·share) / T. T stays a tensor: reading it would stall a GPU.
        dtype = self.duty_cycle.dtype
        self.duty_cycle.lerp_(share_on.to(dtype), (batch_size / window).to(dtype))


class KWinners(_KWinners):
    """k winners among the n `units` of each vector, (N, n) to (N, n); each unit has a duty cycle.

    Raises ValueError for a percent_on outside (0, 1].
    """

    def _inference_k(self, units: int) -> int:
        return int(self._training_k(units) * self.k_inference_factor)

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (N, n), with all but its winners set to 0."""
        units = x.shape[1]
        with torch.no_grad():
            boosted = x * self.boost_factors(units)
            threshold = kth_highest(boosted, self.k(units))
            if _has_ties(x):
                wins = _exactly_k(boosted, threshold, self.k(units)).to(x.dtype)
            else:
                wins = boosted.ge_(threshold).to(x.dtype)
        y = x * wins
        if self.training:
            with torch.no_grad():
                self.update_duty_cycle(_on(y).mean(dim=0, dtype=self.duty_cycle.dtype), len(x))
        return y


class KWinners2d(_KWinners):
    """k winners among all channels and positions of each sample, (N, C, H, W) to the same shape.

    Each channel, of which there are `units`, has a duty cycle: the share of its positions that are on. All
    its positions are boosted alike. Fastest in channels_last. Raises ValueError as KWinners does.
    """

    def _inference_k(self, units: int) -> int:
        return round(self.percent_on * self.k_inference_factor * units)

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (N, C, H, W), with all but its winners set to 0."""
        units = x.shape[1] * x.shape[2] * x.shape[3]
        with torch.no_grad():
            boosted = x * self.boost_factors(units)[:, None, None]
            by_position = boosted.permute(0, 2, 3, 1)  # (N, H, W, C)
            rows = by_position.flatten(1)  # a view in channels_last
            threshold = kth_highest(rows, self.k(units))
            if _has_ties(x):
                chosen = _exactly_k(rows, threshold, self.k(units)).to(x.dtype)
                wins = chosen.view(by_position.shape).permute(0, 3, 1, 2)
            else:
                wins = boosted.ge_(threshold[:, :, None, None]).to(x.dtype)
        y = x * wins
        if self.training:
            with torch.no_grad():
                share_on = _on(y).mean(dim=(0, 2, 3), dtype=self.duty_cycle.dtype)
                self.update_duty_cycle(share_on, len(x))
        return y


def _binary_entropy(share: Tensor) -> Tensor:
    return -(torch.xlogy(share, share) + torch.xlogy(1 - share, 1 - share)) / math.log(2.0)


def _has_ties(x: Tensor) -> bool:
    """Return whether activations are in 16 bits, of which many are equal."""
    return x.dtype.itemsize == 2


def _exactly_k(boosted: Tensor, threshold: Tensor, k: int) -> Tensor:
    """Return which k of each row of `boosted`, (N, n), win; (N, 1) `threshold` is the k-th highest."""
    above, equal = boosted > threshold, boosted == threshold
    room = k - above.sum(dim=1, keepdim=True)
    return above | (equal & (equal.cumsum(dim=1) <= room))


def _on(y: Tensor) -> Tensor:
    """Return 1.0 where a unit of y is on, else 0.0.

    On the CPU comparing into floats, here and in the choice of the winners, takes half the time of a boolean
    mask and its conversion, and multiplying by them a third of that by booleans.
    """
    return y.detach().clone().gt_(0)


def k_winner_layers(module: nn.Module) -> dict[str, _KWinners]:
    """Return the k-winner layers of `module`, by their names in it."""
    return {name: layer for name, layer in module.named_modules() if isinstance(layer, _KWinners)}


def decay_boost_strength(module: nn.Module) -> None:
    """Decay the boost strength of every k-winner layer of `module`."""
    for layer in k_winner_layers(module).values():
        layer.decay_boost_strength()
