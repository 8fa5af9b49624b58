"""The convolutional networks of "How Can We Be So Dense?" (arXiv 1903.11257), sparse and dense."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sigtune.models.arguments import require, require_percent_on, require_sparsity
from sigtune.models.k_winners import KWinners, KWinners2d, KWinnersConfig
from sigtune.models.norm_pool_winners import NormPoolWinners
from sigtune.models.sparse_weights import SparseConv2d, SparseLinear
from sigtune.models.winners_block import WinnersBlock, WinnersBlocks


@dataclass(frozen=True)
class NetworkShape:
    """The sizes of a network; a convolution for each of `conv_channels`, of kernel_size × kernel_size.

    Raises ValueError, naming the field, where one is outside its range.
    """

    num_classes: int
    in_channels: int
    input_size: int
    conv_channels: Sequence[int]
    kernel_size: int
    linear_units: int

    def __post_init__(self) -> None:
        require(len(self.conv_channels) > 0, "conv_channels", self.conv_channels, "one number or more")
        names = ("num_classes", "in_channels", "linear_units", "kernel_size")
        counts: dict[str, int] = {name: getattr(self, name) for name in names}
        counts |= {f"conv_channels[{index}]": channels for index, channels in enumerate(self.conv_channels)}
        for name, count in counts.items():
            require(count >= 1, name, count, "1 or more")
        convolutions = f"{len(self.conv_channels)} times a {self.kernel_size}×{self.kernel_size} convolution"
        rule = f"large enough for {convolutions} and a pooling"
        require(self.linear_inputs >= 1, "input_size", self.input_size, rule)

    @property
    def convolutions(self) -> list[tuple[int, int]]:
        """The channels that each convolution takes in and puts out."""
        return list(itertools.pairwise((self.in_channels, *self.conv_channels)))

    @property
    def linear_inputs(self) -> int:
        """The number of inputs of the linear layer; 0 where the images are too small."""
        side = self.input_size
        for _ in self.conv_channels:
            side = max(0, side - self.kernel_size + 1) // 2
        return self.conv_channels[-1] * side**2


@dataclass(frozen=True)
class LayerShares:
    """The shares of zero weights and of winners in each convolution and in the linear layer.

    Raises ValueError, naming the field, where one is outside its range or the lengths differ.
    """

    conv_weight_sparsity: Sequence[float]
    linear_weight_sparsity: float
    conv_percent_on: Sequence[float]
    linear_percent_on: float

    def __post_init__(self) -> None:
        for index, sparsity in enumerate(self.conv_weight_sparsity):
            require_sparsity(sparsity, f"conv_weight_sparsity[{index}]")
        for index, percent_on in enumerate(self.conv_percent_on):
            require_percent_on(percent_on, f"conv_percent_on[{index}]")
        require_sparsity(self.linear_weight_sparsity, "linear_weight_sparsity")
        require_percent_on(self.linear_percent_on, "linear_percent_on")

    def require_one_for_each(self, conv_channels: Sequence[int]) -> None:
        """Raise ValueError where there are more or fewer of them than convolutions."""
        as_many = f"{len(conv_channels)} numbers, one for each of conv_channels"
        for name in ("conv_weight_sparsity", "conv_percent_on"):
            values = getattr(self, name)
            require(len(values) == len(conv_channels), name, list(values), as_many)


class _CNN(nn.Module):
    """What the networks have in common; a subclass chooses the layers with weights, and the activations.

    Shapes are those of the published networks: 32×32 images, two 5×5 convolutions, 1,000 linear units.
    """

    def __init__(
        self,
        convolutions: Sequence[nn.Conv2d | SparseConv2d],
        conv_activations: Sequence[nn.Module],
        linear: nn.Linear | SparseLinear,
        linear_activation: nn.Module,
        num_classes: int,
        k_winners_before_pool: bool = False,
    ) -> None:
        super().__init__()
        # (N, 1, 32, 32), (N, 64, 14, 14), (N, 64, 5, 5)
        self.features = _features(convolutions, conv_activations, k_winners_before_pool)
        self.classifier = nn.Sequential(
            nn.Flatten(),  # (N, 1600)
            linear,  # (N, 1000)
            nn.BatchNorm1d(linear.out_features, affine=False),
            linear_activation,
            nn.Linear(linear.out_features, num_classes),  # (N, 12)
        )
        # With their weights in channels_last the convolutions put out channels_last, and all up to the linear
        # layer stays in it. On the CPU that halves the time of batch norm and pooling.
        nn.utils.convert_conv2d_weight_memory_format(self, torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, (N, num_classes), of images, (N, in_channels, input_size, input_size)."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


def _features(
    convolutions: Sequence[nn.Conv2d | SparseConv2d],
    activations: Sequence[nn.Module],
    k_winners_before_pool: bool,
) -> nn.Sequential:
    """Return the convolutions, each with batch norm, 2×2 pooling and its activation.

    ReLU comes after the pooling, where it does the same as before it, on a quarter of the units.
    """
    window = 2
    layers: list[nn.Module] = []
    for convolution, activation in zip(convolutions, activations, strict=True):
        channels = convolution.out_channels
        if isinstance(convolution, SparseConv2d) and isinstance(activation, KWinners2d):
            winners = NormPoolWinners(channels, window, activation, k_winners_before_pool)
            layers.append(WinnersBlock(convolution, winners))
        else:
            norm, pool = nn.BatchNorm2d(channels, affine=False), nn.MaxPool2d(window)
            layers += [convolution, norm, pool, activation]
    return WinnersBlocks(*layers) if isinstance(layers[0], WinnersBlock) else nn.Sequential(*layers)


class SparseCNN(_CNN):
    """Convolutions and a linear layer with sparse weights and k-winners: (N, 1, 32, 32) to (N, 12) logits.

    `conv_weight_sparsity` and `conv_percent_on` have an entry for each of `conv_channels`: the share of zero
    weights, and the share of the units (all channels and positions after the pooling, or before it with
    `k_winners_before_pool`) that win. `linear_weight_sparsity` and `linear_percent_on` are of the linear
    layer; the last layer, to the classes, is dense. Then come the fields of KWinnersConfig.

    The arguments, many as they are, are the keys of a config under `model`: conf/model/ has the published
    networks' values. Raises ValueError, naming the argument, where one is outside its range or the lengths
    differ.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int = 1,
        input_size: int = 32,
        conv_channels: Sequence[int],
        kernel_size: int,
        linear_units: int,
        conv_weight_sparsity: Sequence[float],
        linear_weight_sparsity: float,
        conv_percent_on: Sequence[float],
        linear_percent_on: float,
        boost_strength: float,
        boost_strength_factor: float,
        k_inference_factor: float,
        duty_cycle_period: int,
        k_winners_before_pool: bool,
    ) -> None:
        shape = NetworkShape(num_classes, in_channels, input_size, conv_channels, kernel_size, linear_units)
        shares = LayerShares(conv_weight_sparsity, linear_weight_sparsity, conv_percent_on, linear_percent_on)
        shares.require_one_for_each(conv_channels)
        winners = KWinnersConfig(k_inference_factor, boost_strength, boost_strength_factor, duty_cycle_period)
        super().__init__(
            [
                SparseConv2d(*channels, kernel_size, sparsity)
                for channels, sparsity in zip(shape.convolutions, conv_weight_sparsity, strict=True)
            ],
            [
                KWinners2d(channels, percent_on, winners)
                for channels, percent_on in zip(conv_channels, conv_percent_on, strict=True)
            ],
            SparseLinear(shape.linear_inputs, linear_units, linear_weight_sparsity),
            KWinners(linear_units, linear_percent_on, winners),
            num_classes,
            k_winners_before_pool,
        )


class DenseCNN(_CNN):
    """The dense twin of SparseCNN: ReLU for the k-winners, every weight in use; the same shapes.

    Raises ValueError, naming the argument, where one is outside its range.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int = 1,
        input_size: int = 32,
        conv_channels: Sequence[int],
        kernel_size: int,
        linear_units: int,
    ) -> None:
        shape = NetworkShape(num_classes, in_channels, input_size, conv_channels, kernel_size, linear_units)
        super().__init__(
            [nn.Conv2d(*channels, kernel_size) for channels in shape.convolutions],
            [nn.ReLU() for _ in conv_channels],
            nn.Linear(shape.linear_inputs, linear_units),
            nn.ReLU(),
            num_classes,
        )
