"""The convolutional networks of "How Can We Be So Dense?" (arXiv 1903.11257), sparse and dense."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sigtune.models.k_winners import KWinners, KWinners2d
from sigtune.models.sparse_weights import SparseConv2d, SparseLinear

_IMAGE_SIZE = 32


class SparseCNN(nn.Module):
    """Sparse convolutions and a sparse linear layer, k-winners: (N, 1, 32, 32) to (N, classes) logits.

    `conv_weight_sparsity` and `linear_weight_sparsity` are shares of zero weights, `…_percent_on` the shares
    of units that win. Raises ValueError where a share is out of its range.
    """

    def __init__(
        self,
        num_classes: int = 12,
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
        super().__init__()
        boosting = (k_inference_factor, boost_strength, boost_strength_factor, duty_cycle_period)
        layers: list[nn.Module] = []
        channels_in = 1
        for channels, sparsity, percent_on in zip(
            conv_channels, conv_weight_sparsity, conv_percent_on, strict=True
        ):
            convolution = SparseConv2d(channels_in, channels, kernel_size, sparsity)
            layers += [convolution, nn.BatchNorm2d(channels, affine=False)]
            tail = [nn.MaxPool2d(2), KWinners2d(channels, percent_on, *boosting)]
            layers += reversed(tail) if k_winners_before_pool else tail
            channels_in = channels
        self.features = nn.Sequential(*layers)
        features = channels_in * _pooled_size(kernel_size, len(conv_channels)) ** 2
        self.classifier = nn.Sequential(
            nn.Flatten(),
            SparseLinear(features, linear_units, linear_weight_sparsity),
            nn.BatchNorm1d(linear_units, affine=False),
            KWinners(linear_units, linear_percent_on, *boosting),
            nn.Linear(linear_units, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, (N, num_classes), of images, (N, 1, 32, 32)."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


class DenseCNN(nn.Module):
    """The dense twin of SparseCNN: ReLU for the k-winners and every weight in use."""

    def __init__(
        self,
        num_classes: int = 12,
        conv_channels: Sequence[int] = (64, 64),
        kernel_size: int = 5,
        linear_units: int = 1000,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels_in = 1
        for channels in conv_channels:
            convolution = nn.Conv2d(channels_in, channels, kernel_size)
            layers += [convolution, nn.BatchNorm2d(channels, affine=False), nn.MaxPool2d(2), nn.ReLU()]
            channels_in = channels
        self.features = nn.Sequential(*layers)
        features = channels_in * _pooled_size(kernel_size, len(conv_channels)) ** 2
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(features, linear_units),
            nn.BatchNorm1d(linear_units, affine=False),
            nn.ReLU(),
            nn.Linear(linear_units, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, (N, num_classes), of images, (N, 1, 32, 32)."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


def _pooled_size(kernel_size: int, convolutions: int) -> int:
    """Return the side, in pixels, of what the convolutions and their 2×2 poolings leave of an image."""
    side = _IMAGE_SIZE
    for _ in range(convolutions):
        side = (side - kernel_size + 1) // 2
    if side < 1:
        raise ValueError(f"kernel_size is {kernel_size}; nothing is left of a {_IMAGE_SIZE}-pixel image")
    return side
