"""Linear and convolutional layers most of whose weights are zero, and stay zero."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sigtune.kernels.sparse_linear import Pattern, can_multiply_sparsely, sparse_linear
from sigtune.models.arguments import require_sparsity


class _SparseWeights(nn.Module):
    """Keeps some weights of each output unit, chosen once at random, and holds the others at zero.

    `kept`, a boolean buffer of the weight's shape, is in checkpoints, so that a restored layer keeps the same
    weights.
    """

    weight: Tensor
    kept: Tensor

    def _make_sparse(self, sparsity: float) -> None:
        """Choose the kept weights with torch's generator, and zero the others.

        The kept weights and the bias are as torch drew them, from ±1/√fan_in with fan_in that of a dense
        layer: the published networks do not rescale them for their zeros.
        """
        fan_in = self.weight[0].numel()
        count = max(1, round((1 - sparsity) * fan_in))
        chosen = torch.rand(len(self.weight), fan_in).topk(count, dim=1).indices
        kept = torch.zeros(len(self.weight), fan_in, dtype=torch.bool).scatter_(1, chosen, True)
        self.register_buffer("kept", kept.view_as(self.weight))
        self.rezero_weights()

    @torch.no_grad()
    def rezero_weights(self) -> None:
        """Set the weights that are not kept back to zero, after an optimiser's step.

        A multiplication of the weights takes as long as one of their gradients would, and holds for every
        optimiser and for weights that come from elsewhere. By a boolean mask it is faster than masked_fill_
        and index_fill_; by a float mask it would be faster still, but that is four times the memory, in every
        checkpoint too, for one percent of a training step.
        """
        self.weight.mul_(self.kept)


class SparseLinear(nn.Linear, _SparseWeights):
    """`nn.Linear`, (N, in_features) to (N, out_features), with the share `sparsity` of its weights zero.

    Each output unit keeps round((1 − sparsity)·in_features) weights, at least 1. On the CPU in float32, where
    few are kept, only these are multiplied by, and the gradient of the others is 0. Raises ValueError for a
    sparsity outside [0, 1).
    """

    def __init__(self, in_features: int, out_features: int, sparsity: float) -> None:
        require_sparsity(sparsity)
        super().__init__(in_features, out_features)
        self._make_sparse(sparsity)
        self._pattern = Pattern.of(self.kept)

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._pattern = Pattern.of(self.kept)

    def forward(self, x: Tensor) -> Tensor:
        """Return x·weightᵀ + bias, (N, out_features)."""
        if can_multiply_sparsely(x, self.weight, self._pattern):
            return sparse_linear(x, self.weight, self.bias, self._pattern)
        return super().forward(x)


class SparseConv2d(nn.Conv2d, _SparseWeights):
    """`nn.Conv2d`, (N, in_channels, H, W) to (N, out_channels, H', W'), with the share `sparsity` zero.

    Each filter keeps round((1 − sparsity)·in_channels·kernel_size²) weights, at least 1. Raises ValueError
    for a sparsity outside [0, 1).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, sparsity: float) -> None:
        require_sparsity(sparsity)
        super().__init__(in_channels, out_channels, kernel_size)
        self._make_sparse(sparsity)


def rezero_weights(module: nn.Module) -> None:
    """Set the weights that are not kept back to zero in every sparse layer of `module`."""
    for layer in module.modules():
        if isinstance(layer, _SparseWeights):
            layer.rezero_weights()


def weight_sparsity(module: nn.Module) -> float:
    """Return the share of zeros among the weights of the sparse layers of `module`; 0 where it has none."""
    weights = [layer.weight for layer in module.modules() if isinstance(layer, _SparseWeights)]
    total = sum(weight.numel() for weight in weights)
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    return zeros / total if total else 0.0
