"""Linear and convolutional layers most of whose weights are zero, and stay zero.

The parameter of a layer holds its other weights alone: an optimiser has nothing to do for the zeros and moves
none of them, and a checkpoint is without them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sigtune.kernels.sparse_convolution import KernelPattern, can_convolve_sparsely, sparse_convolution
from sigtune.kernels.sparse_linear import Pattern, can_multiply_sparsely, sparse_linear
from sigtune.models.arguments import require_sparsity


class _SparseLayer(nn.Module):
    """What the layers share: `values`, (D, K), the K weights that each of D output units keeps; `bias`, (D,).

    `indices`, (D, K) int32, are where these weights are among the unit's, in ascending order. They are a
    buffer, so that a restored layer keeps the same weights.
    """

    indices: Tensor

    def __init__(self, dense: nn.Linear | nn.Conv2d, sparsity: float) -> None:
        """Keep weights of a dense layer, chosen with torch's generator, and its bias.

        They stay as torch drew them, from ±1/√fan_in with fan_in that of the dense layer: the published
        networks do not rescale them for their zeros.
        """
        super().__init__()
        weight = dense.weight.detach()
        assert dense.bias is not None
        self.shape = weight.shape
        count = max(1, round((1 - sparsity) * self.fan_in))
        chosen = torch.rand(len(weight), self.fan_in).topk(count, dim=1).indices
        values, indices = self._keep(weight, chosen)
        self.values = nn.Parameter(values)
        self.bias = nn.Parameter(dense.bias.detach())
        self.register_buffer("indices", indices)

    @property
    def fan_in(self) -> int:
        """The number of weights of each output unit, the zeros among them."""
        return self.shape[1:].numel()

    @property
    def kept_share(self) -> float:
        """The share of the weights that is kept."""
        return self.values.shape[1] / self.fan_in

    @property
    def weight(self) -> Tensor:
        """The weights of the dense layer that computes the same; a gradient reaches `values`."""
        return self._shaped(self._scattered(self.values))

    @property
    def kept(self) -> Tensor:
        """Which of the weights are kept: bool, of the shape of `weight`."""
        return self._shaped(self._scattered(torch.ones_like(self.values, dtype=torch.bool)))

    def _scattered(self, values: Tensor) -> Tensor:
        """Return the values, (D, K), where they belong among zeros: (D, fan_in)."""
        if values.shape[1] == self.fan_in:
            return values
        return values.new_zeros(len(values), self.fan_in).scatter(1, self.indices.long(), values)

    def _keep(self, weight: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values and the indices of the chosen weights, (D, K) in the order of `weight`'s."""
        indices = self._index_of(chosen).sort(dim=1).values
        return self._flat(weight).gather(1, indices), indices.int()

    def _flat(self, weight: Tensor) -> Tensor:
        """Return the weights, of the dense layer's shape, in the order that `indices` are of: (D, fan_in)."""
        return weight

    def _shaped(self, flat: Tensor) -> Tensor:
        """Return what `_flat` returned in the dense layer's shape."""
        return flat

    def _index_of(self, chosen: Tensor) -> Tensor:
        """Return where the weights of the dense layer, counted row by row, are in that order."""
        return chosen

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Take a checkpoint of 0.1.0 too, which has all weights and a mask of those that are kept."""
        kept = state_dict.pop(f"{prefix}kept", None)
        if kept is not None:
            weight = state_dict.pop(f"{prefix}weight")
            chosen = kept.flatten(1).nonzero()[:, 1].view(len(kept), -1)
            values, indices = self._keep(weight, chosen)
            state_dict |= {f"{prefix}values": values, f"{prefix}indices": indices}
        super()._load_from_state_dict(state_dict, prefix, *args)


class SparseLinear(_SparseLayer):
    """`nn.Linear`, (N, in_features) to (N, out_features), with the share `sparsity` of its weights zero.

    Each output unit keeps round((1 − sparsity)·in_features) weights, at least 1. On the CPU in float32, where
    few are kept, only these are multiplied by. Raises ValueError for a sparsity outside [0, 1).
    """

    def __init__(self, in_features: int, out_features: int, sparsity: float) -> None:
        require_sparsity(sparsity)
        super().__init__(nn.Linear(in_features, out_features), sparsity)
        self.in_features, self.out_features = in_features, out_features
        self._pattern = self._pattern_of_indices()

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._pattern = self._pattern_of_indices()

    def _pattern_of_indices(self) -> Pattern | None:
        return None if self.indices.is_meta else Pattern.of(self.indices, self.in_features)

    def extra_repr(self) -> str:
        """Return what tells one layer from another where a model is printed."""
        return f"{self.in_features}, {self.out_features}, kept={self.values.shape[1]} of {self.fan_in}"

    def forward(self, x: Tensor) -> Tensor:
        """Return x·weightᵀ + bias, (N, out_features)."""
        pattern = self._pattern
        if pattern is not None and can_multiply_sparsely(x, self.values):
            return sparse_linear(x, self.values, self.bias, pattern)
        return functional.linear(x, self.weight, self.bias)


class SparseConv2d(_SparseLayer):
    """`nn.Conv2d`, (N, in_channels, H, W) to (N, out_channels, H', W'), with the share `sparsity` zero.

    Each filter keeps round((1 − sparsity)·in_channels·kernel_size²) weights, at least 1. On the CPU in
    float32, where few are kept, only these are multiplied by. The weights are in channels_last, and so is
    what it puts out. Raises ValueError for a sparsity outside [0, 1).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, sparsity: float) -> None:
        require_sparsity(sparsity)
        super().__init__(nn.Conv2d(in_channels, out_channels, kernel_size), sparsity)
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self._pattern = self._pattern_of_indices()

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._pattern = self._pattern_of_indices()

    def _pattern_of_indices(self) -> KernelPattern | None:
        return None if self.indices.is_meta else KernelPattern.of(self.indices, self.in_channels)

    def extra_repr(self) -> str:
        """Return what tells one layer from another where a model is printed."""
        shape = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        return f"{shape}, kept={self.values.shape[1]} of {self.fan_in}"

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of x with `weight`, plus `bias`: (N, out_channels, H', W')."""
        pattern = self._pattern
        if pattern is not None and can_convolve_sparsely(x, self.values, self.shape):
            return sparse_convolution(x, self.values, self.bias, self.kernel_size, pattern)
        return functional.conv2d(x, self.weight, self.bias)

    def _flat(self, weight: Tensor) -> Tensor:
        return weight.permute(0, 2, 3, 1).flatten(1)

    def _shaped(self, flat: Tensor) -> Tensor:
        outputs, inputs, *size = self.shape
        return flat.view(outputs, *size, inputs).permute(0, 3, 1, 2)

    def _index_of(self, chosen: Tensor) -> Tensor:
        taps = self.shape[2:].numel()
        return chosen % taps * self.shape[1] + chosen // taps


def weight_sparsity(module: nn.Module) -> float:
    """Return the share of zeros among the weights of the sparse layers of `module`; 0 where it has none."""
    layers = [layer for layer in module.modules() if isinstance(layer, _SparseLayer)]
    total = sum(len(layer.values) * layer.fan_in for layer in layers)
    nonzero = sum(int(layer.values.count_nonzero()) for layer in layers)
    return 1 - nonzero / total if total else 0.0
