"""The convolutional networks of "How Can We Be So Dense?" (arXiv 1903.11257), sparse and dense."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sigtune.models.arguments import require, require_percent_on, require_sparsity
from sigtune.models.k_winners import KWinners, KWinners2d
from sigtune.models.norm_pool_winners import NormPoolWinners
from sigtune.models.sparse_weights import SparseConv2d, SparseLinear
from sigtune.models.winners_block import WinnersBlock, WinnersBlocks


class _CNN(nn.Module):
    """What the networks have in common; a subclass chooses the layers with weights, and the activations.

    Shapes are those of the default arguments: 32×32 images, two 5×5 convolutions, 1,000 linear units.
    """

    def __init__(
        self,
        convolutions: Sequence[nn.Conv2d],
        conv_activations: Sequence[nn.Module],
        linear: nn.Linear,
        linear_activation: nn.Module,
        num_classes: int,
        activation_before_pool: bool = False,
    ) -> None:
        super().__init__()
        # (N, 1, 32, 32), (N, 64, 14, 14), (N, 64, 5, 5)
        self.features = _features(convolutions, conv_activations, activation_before_pool)
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
    convolutions: Sequence[nn.Conv2d], activations: Sequence[nn.Module], activation_before_pool: bool
) -> nn.Sequential:
    """Return the convolutions, each with batch norm, 2×2 pooling, and its activation before or after it."""
    window = 2
    layers: list[nn.Module] = []
    for convolution, activation in zip(convolutions, activations, strict=True):
        channels = convolution.out_channels
        if isinstance(activation, KWinners2d) and not activation_before_pool:
            layers.append(WinnersBlock(convolution, NormPoolWinners(channels, window, activation)))
            continue
        norm, pool = nn.BatchNorm2d(channels, affine=False), nn.MaxPool2d(window)
        after = (activation, pool) if activation_before_pool else (pool, activation)
        layers += [convolution, norm, *after]
    return WinnersBlocks(*layers) if isinstance(layers[0], WinnersBlock) else nn.Sequential(*layers)


class SparseCNN(_CNN):
    """Convolutions and a linear layer with sparse weights and k-winners: (N, 1, 32, 32) to (N, 12) logits.

    `conv_weight_sparsity` and `conv_percent_on` have an entry for each of `conv_channels`: the share of zero
    weights, and the share of the units (all channels and positions after the pooling, or before it with
    `k_winners_before_pool`) that win. `linear_weight_sparsity` and `linear_percent_on` are of the linear
    layer; the last layer, to the classes, is dense. The other arguments are the k-winners'.

    Raises ValueError, naming the argument, where one is outside its range or the lengths differ.
    """

    def __init__(
        self,
        num_classes: int = 12,
        in_channels: int = 1,
        input_size: int = 32,
        conv_channels: Sequence[int] = (64, 64),
        kernel_size: int = 5,
        linear_units: int = 1000,
        conv_weight_sparsity: Sequence[float] = (0.5, 0.8),
        linear_weight_sparsity: float = 0.9,
        conv_percent_on: Sequence[float] = (0.095, 0.125),
        linear_percent_on: float = 0.1,
        boost_strength: float = 1.5,
        boost_strength_factor: float = 0.9,
        k_inference_factor: float = 1.0,
        duty_cycle_period: int = 1000,
        k_winners_before_pool: bool = False,
    ) -> None:
        features = _require_shape(
            num_classes, in_channels, input_size, conv_channels, kernel_size, linear_units
        )
        _require_shares(
            conv_channels, conv_weight_sparsity, linear_weight_sparsity, conv_percent_on, linear_percent_on
        )
        boosting = (k_inference_factor, boost_strength, boost_strength_factor, duty_cycle_period)
        inputs = (in_channels, *conv_channels)
        convolutions = [
            SparseConv2d(channels_in, channels, kernel_size, sparsity)
            for channels_in, channels, sparsity in zip(
                inputs, conv_channels, conv_weight_sparsity, strict=False
            )
        ]
        super().__init__(
            convolutions,
            [
                KWinners2d(channels, percent_on, *boosting)
                for channels, percent_on in zip(conv_channels, conv_percent_on, strict=True)
            ],
            SparseLinear(features, linear_units, linear_weight_sparsity),
            KWinners(linear_units, linear_percent_on, *boosting),
            num_classes,
            k_winners_before_pool,
        )


class DenseCNN(_CNN):
    """The dense twin of SparseCNN: ReLU for the k-winners, every weight in use; the same shapes.

    Raises ValueError, naming the argument, where one is outside its range.
    """

    def __init__(
        self,
        num_classes: int = 12,
        in_channels: int = 1,
        input_size: int = 32,
        conv_channels: Sequence[int] = (64, 64),
        kernel_size: int = 5,
        linear_units: int = 1000,
    ) -> None:
        features = _require_shape(
            num_classes, in_channels, input_size, conv_channels, kernel_size, linear_units
        )
        inputs = (in_channels, *conv_channels)
        super().__init__(
            [nn.Conv2d(*layer, kernel_size) for layer in zip(inputs, conv_channels, strict=False)],
            [nn.ReLU() for _ in conv_channels],
            nn.Linear(features, linear_units),
            nn.ReLU(),
            num_classes,
        )


def _require_shape(
    num_classes: int,
    in_channels: int,
    input_size: int,
    conv_channels: Sequence[int],
    kernel_size: int,
    linear_units: int,
) -> int:
    """Check the arguments that give the network its shape; return the linear layer's number of inputs."""
    require(len(conv_channels) > 0, "conv_channels", conv_channels, "one number or more")
    counts = {"num_classes": num_classes, "in_channels": in_channels, "linear_units": linear_units}
    counts |= {f"conv_channels[{index}]": channels for index, channels in enumerate(conv_channels)}
    for name, count in {**counts, "kernel_size": kernel_size}.items():
        require(count >= 1, name, count, "1 or more")
    side = input_size
    for _ in conv_channels:
        side = (side - kernel_size + 1) // 2
    rule = (
        f"large enough for {len(conv_channels)} times a {kernel_size}×{kernel_size} convolution and a pooling"
    )
    require(side >= 1, "input_size", input_size, rule)
    return conv_channels[-1] * side**2


def _require_shares(
    conv_channels: Sequence[int],
    conv_weight_sparsity: Sequence[float],
    linear_weight_sparsity: float,
    conv_percent_on: Sequence[float],
    linear_percent_on: float,
) -> None:
    """Check the shares here, where the error can name the network's argument rather than a layer's."""
    as_many = f"{len(conv_channels)} numbers, one for each of conv_channels"
    shares = {"conv_weight_sparsity": conv_weight_sparsity, "conv_percent_on": conv_percent_on}
    for name, values in shares.items():
        require(len(values) == len(conv_channels), name, list(values), as_many)
    for index, (sparsity, percent_on) in enumerate(zip(conv_weight_sparsity, conv_percent_on, strict=True)):
        require_sparsity(sparsity, f"conv_weight_sparsity[{index}]")
        require_percent_on(percent_on, f"conv_percent_on[{index}]")
    require_sparsity(linear_weight_sparsity, "linear_weight_sparsity")
    require_percent_on(linear_percent_on, "linear_percent_on")
