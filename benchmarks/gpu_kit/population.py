"""K sparse CNNs that differ in scalars and seeds alone, trained as one batched computation: a prototype.

Every parameter of all members lies in one (K, P) tensor, so that an optimiser step is a handful of kernels
whatever K is. Convolutions are grouped, the linear layers batched products; batch norm and pooling see K·C
channels, and k-winners N·K rows. All scalars of a member (rate, momentum, decay, boost strength) are in (K,)
tensors: a CUDA graph of the step reads them where they lie.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sigtune.kernels.kth_highest import kth_highest
from sigtune.models.sparse_cnn import SparseCNN

# In the state of a SparseCNN: its layers with weights, its batch norms, its k-winners.
WEIGHTED = ("features.0.convolution", "features.1.convolution", "classifier.1", "classifier.4")
NORMS = ("features.0.winners.norm", "features.1.winners.norm", "classifier.2")
WINNERS = ("features.0.winners.winners", "features.1.winners.winners", "classifier.3")


@dataclass
class Winners:
    """The k-winners of one layer in all members: duty cycles (K, D), boost strengths (K, 1)."""

    percent_on: float
    period: int
    duty_cycle: Tensor
    boost_strength: Tensor
    samples_seen: Tensor

    def k(self, units: int) -> int:
        return max(1, round(self.percent_on * units))

    def choose(self, x: Tensor) -> Tensor:
        """Return the winners of x, (N, K, D, units of a duty cycle), and count them."""
        samples, _, duty_cycles, each = x.shape
        units = duty_cycles * each
        k = self.k(units)
        with torch.no_grad():
            factors = torch.exp(self.boost_strength * (k / units - self.duty_cycle))  # (K, D)
            boosted = (x * factors[:, :, None]).flatten(2)
            threshold = kth_highest(boosted.flatten(0, 1), k).view(samples, -1, 1)
            wins = boosted.ge_(threshold).view_as(x).to(x.dtype)
        y = x * wins
        with torch.no_grad():
            self.samples_seen.add_(samples)
            window = self.samples_seen.clamp(max=max(self.period, samples))
            share_on = y.detach().gt(0).to(x.dtype).mean(dim=(0, 3))
            self.duty_cycle.lerp_(share_on, (samples / window).to(x.dtype))
        return y


def weights_of(models: Sequence[SparseCNN], name: str) -> Tensor:
    """Return the dense weights of the models' layers of this name, one after the other."""
    weights: list[Tensor] = [model.get_submodule(name).weight for model in models]  # type: ignore[misc]
    return torch.stack([weight.detach() for weight in weights])


class Population:
    """The members are made from models that sigtune itself has made, each from its own seed.

    `lr`, `momentum` and `weight_decay` are (K, 1), and 0 until they are set.
    """

    def __init__(self, models: Sequence[SparseCNN], device: torch.device) -> None:
        self.size = len(models)
        states = [model.state_dict() for model in models]

        def stacked(name: str) -> Tensor:
            return torch.stack([state[name] for state in states]).to(device).contiguous()

        parts, kept = [], []
        for name in WEIGHTED:
            weight, bias = weights_of(models, name).to(device), stacked(f"{name}.bias")
            parts += [weight, bias]
            kept += [weight != 0, torch.ones_like(bias, dtype=torch.bool)]
        self._shapes = [part.shape[1:] for part in parts]
        self.parameters = torch.cat([part.flatten(1) for part in parts], 1).requires_grad_()  # (K, P)
        self.kept = torch.cat([mask.flatten(1) for mask in kept], 1)  # (K, P)
        self._momentum_buffer = torch.zeros_like(self.parameters)
        self.lr, self.momentum, self.weight_decay = torch.zeros(3, self.size, 1, device=device).unbind()
        self.norms = [
            (stacked(f"{name}.running_mean").flatten(), stacked(f"{name}.running_var").flatten())
            for name in NORMS
        ]
        self.winners = [
            Winners(
                float(models[0].get_submodule(name).percent_on),  # type: ignore[arg-type]
                int(models[0].get_submodule(name).duty_cycle_period),  # type: ignore[arg-type]
                stacked(f"{name}.duty_cycle"),
                stacked(f"{name}.boost_strength")[:, None],
                torch.zeros((), dtype=torch.int64, device=device),
            )
            for name in WINNERS
        ]

    def weights(self) -> list[Tensor]:
        """Return views of the parameters, each (K, *shape), in the order of the layers."""
        sizes = [math.prod(shape) for shape in self._shapes]
        parts = self.parameters.split(sizes, dim=1)  # type: ignore[no-untyped-call]
        return [part.view(self.size, *shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def losses(self, images: Tensor, targets: Tensor) -> Tensor:
        """Return each member's loss, (K,), for images (N, 1, 32, 32) and targets (N,) that all share."""
        members, samples = self.size, len(images)
        conv1, bias1, conv2, bias2, linear1, offset1, linear2, offset2 = self.weights()
        x = functional.conv2d(images, conv1.flatten(0, 1), bias1.flatten())  # (N, K·64, 28, 28)
        x = self._block(x, 0)  # (N, K, 64, 14·14)
        side = math.isqrt(x.shape[3])
        x = x.reshape(samples, -1, side, side)
        x = functional.conv2d(x, conv2.flatten(0, 1), bias2.flatten(), groups=members)  # (N, K·64, 10, 10)
        x = self._block(x, 1).flatten(2).transpose(0, 1)  # (K, N, 1600)
        x = torch.baddbmm(offset1[:, None], x, linear1.transpose(1, 2))  # (K, N, 1000)
        x = self._norm(x.transpose(0, 1).reshape(samples, -1), 2).view(samples, members, -1, 1)
        x = self.winners[2].choose(x)[..., 0].transpose(0, 1)
        logits = torch.baddbmm(offset2[:, None], x, linear2.transpose(1, 2))  # (K, N, 12)
        repeated = targets.expand(members, samples).reshape(-1)
        each = functional.cross_entropy(logits.flatten(0, 1), repeated, reduction="none")
        return each.view(members, samples).mean(dim=1)

    def _block(self, x: Tensor, index: int) -> Tensor:
        """Do batch norm, pooling and k-winners of all members: (N, K·C, H, W) to (N, K, C, pooled H·W)."""
        pooled = functional.max_pool2d(self._norm(x, index), 2)
        return self.winners[index].choose(pooled.flatten(2).view(len(x), self.size, -1, pooled[0, 0].numel()))

    def _norm(self, x: Tensor, index: int) -> Tensor:
        return functional.batch_norm(x, *self.norms[index], training=True)

    def step(self, images: Tensor, targets: Tensor) -> Tensor:
        """Take a step of torch.optim.SGD, each member with its own scalars; return the losses, (K,)."""
        losses = self.losses(images, targets)
        (gradient,) = torch.autograd.grad(losses.sum(), self.parameters)
        self.descend(gradient)
        return losses.detach()

    @torch.no_grad()
    def descend(self, gradient: Tensor) -> None:
        """Update the parameters by their gradient, (K, P), and zero those that are not kept."""
        gradient = torch.addcmul(gradient, self.parameters, self.weight_decay)
        self._momentum_buffer.mul_(self.momentum).add_(gradient)
        self.parameters.addcmul_(self.lr, self._momentum_buffer, value=-1)
        self.parameters.mul_(self.kept)


class VmappedPopulation:
    """The same by torch.func: the forward of one member, vmapped over the members."""

    def __init__(self, population: Population) -> None:
        self.population = population

    def step(self, images: Tensor, targets: Tensor) -> Tensor:
        population = self.population
        weights = [weight.detach().requires_grad_() for weight in population.weights()]
        norms = [
            (mean.view(population.size, -1), var.view(population.size, -1)) for mean, var in population.norms
        ]
        duty_cycles = [winners.duty_cycle for winners in population.winners]
        boosts = [winners.boost_strength[:, 0] for winners in population.winners]

        def member(
            weights: list[Tensor],
            norms: list[tuple[Tensor, Tensor]],
            duties: list[Tensor],
            boosts: list[Tensor],
        ) -> tuple[Tensor, tuple[Tensor, ...]]:
            conv1, bias1, conv2, bias2, linear1, offset1, linear2, offset2 = weights
            x = functional.conv2d(images, conv1, bias1)
            x, duty1 = self._block(x, norms[0], duties[0], boosts[0], 0)
            x = functional.conv2d(x, conv2, bias2)
            x, duty2 = self._block(x, norms[1], duties[1], boosts[1], 1)
            x = functional.linear(x.flatten(1), linear1, offset1)
            x = functional.batch_norm(x, *norms[2], training=True)
            x, duty3 = self._choose(x, duties[2], boosts[2], population.winners[2])
            logits = functional.linear(x, linear2, offset2)
            return functional.cross_entropy(logits, targets), (duty1, duty2, duty3)

        losses, new = torch.func.vmap(member)(weights, norms, duty_cycles, boosts)
        gradients = torch.autograd.grad(losses.sum(), weights)
        with torch.no_grad():
            for winners, duty_cycle in zip(population.winners, new, strict=True):
                winners.samples_seen.add_(len(images))
                winners.duty_cycle.copy_(duty_cycle)
        population.descend(torch.cat([gradient.flatten(1) for gradient in gradients], 1))
        result: Tensor = losses.detach()
        return result

    def _block(
        self, x: Tensor, norm: tuple[Tensor, Tensor], duty_cycle: Tensor, boost: Tensor, index: int
    ) -> tuple[Tensor, Tensor]:
        pooled = functional.max_pool2d(functional.batch_norm(x, *norm, training=True), 2)
        return self._choose(pooled, duty_cycle, boost, self.population.winners[index])

    @staticmethod
    def _choose(x: Tensor, duty_cycle: Tensor, boost: Tensor, layer: Winners) -> tuple[Tensor, Tensor]:
        """Return the winners of x, (N, C, H, W) or (N, n), and the layer's new duty cycle."""
        units, positions = x[0].numel(), tuple(range(2, x.dim()))
        k = layer.k(units)
        factors = torch.exp(boost * (k / units - duty_cycle)).view(-1, *[1] * len(positions))
        boosted = x.detach() * factors
        # Not `kth_highest`: sigtune's custom operator has no rule for vmap.
        threshold = boosted.flatten(1).topk(k, dim=-1, sorted=False).values.amin(dim=-1)
        y = x * (boosted >= threshold.view(-1, *[1] * (x.dim() - 1))).to(x.dtype)
        share_on = (y.detach() > 0).to(x.dtype).mean(dim=(0, *positions))
        window = (layer.samples_seen + len(x)).clamp(max=max(layer.period, len(x)))
        return y, torch.lerp(duty_cycle, share_on, (len(x) / window).to(x.dtype))
