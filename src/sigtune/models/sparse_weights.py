"""Linear and convolutional layers most of whose weights are zero, and stay zero."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class _SparseWeights(nn.Module):
    """Keeps the weights of `self.weight` that were chosen at the start, and holds the others at zero.

    Each output unit keeps round((1 − sparsity)·fan_in) weights, chosen at random from torch's generator.
    """

    weight: Tensor
    kept: Tensor

    def _make_sparse(self, sparsity: float) -> None:
        if not 0 <= sparsity < 1:
            raise ValueError(f"sparsity is {sparsity}; it must be in [0, 1)")
        rows = self.weight.detach().flatten(1)
        fan_in = rows.shape[1]
        count = max(1, round((1 - sparsity) * fan_in))
        chosen = torch.rand_like(rows).topk(count, dim=1).indices
        kept = torch.zeros_like(rows, dtype=torch.bool).scatter_(1, chosen, True)
        self.register_buffer("kept", kept.view_as(self.weight))
        with torch.no_grad():
            # torch draws from ±1/sqrt(fan_in); fewer inputs need weights that are larger by this much for the
            # outputs to keep their variance.
            self.weight.mul_(math.sqrt(fan_in / count))
        self.rezero_weights()

    @torch.no_grad()
    def rezero_weights(self) -> None:
        """Set the weights that are not kept back to zero, after an optimiser's step."""
        self.weight.mul_(self.kept)


class SparseLinear(nn.Linear, _SparseWeights):
    """`nn.Linear`, (N, in_features) to (N, out_features), of whose weights the share `sparsity` is zero.

    Raises ValueError for a sparsity outside [0, 1).
    """

    def __init__(self, in_features: int, out_features: int, sparsity: float) -> None:
        super().__init__(in_features, out_features)
        self._make_sparse(sparsity)


class SparseConv2d(nn.Conv2d, _SparseWeights):
    """`nn.Conv2d`, (N, in_channels, H, W) to (N, out_channels, H', W'), with the share `sparsity` zero.

    Raises ValueError for a sparsity outside [0, 1).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, sparsity: float) -> None:
        super().__init__(in_channels, out_channels, kernel_size)
        self._make_sparse(sparsity)


def rezero_weights(module: nn.Module) -> None:
    """Set the pruned weights of every sparse layer of `module` back to zero."""
    for layer in module.modules():
        if isinstance(layer, _SparseWeights):
            layer.rezero_weights()


def weight_sparsity(module: nn.Module) -> float:
    """Return the share of zeros among the weights of the sparse layers of `module`; 0 where it has none."""
    weights = [layer.weight for layer in module.modules() if isinstance(layer, _SparseWeights)]
    total = sum(weight.numel() for weight in weights)
    return sum(int((weight == 0).sum()) for weight in weights) / total if total else 0.0
