"""Where the compiled functions of the sparse layers are faster than torch, and what is chosen there.

For each layer: milliseconds of a training step's forward and backward pass, and how many times as fast as
torch's the compiled function is, over the shapes that decide. A mark shows what `sigtune.kernels.choice`
decides, and a second one where that loses more than a tenth. One thread, in its own processor time, so that
other work on the machine matters little; both alternate, and the fastest round counts.

    python benchmarks/kernel_choice.py [--quick]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from options import read_options
from rounds import QUICK_ROUNDS, fastest_rounds
from sigtune.kernels.choice import (
    image_winners_pay,
    sparse_convolution_pays,
    sparse_linear_pays,
    winners_convolution_pays,
)
from sigtune.kernels.sparse_convolution import KernelPattern, sparse_convolution
from sigtune.kernels.sparse_linear import Pattern, sparse_linear
from sigtune.kernels.winners_convolution import convolve_winners
from sigtune.models.k_winners import KWinners2d
from sigtune.models.norm_pool_winners import NormPoolWinners
from sigtune.models.sparse_weights import SparseConv2d, SparseLinear
from sigtune.training.host_memory import reuse_freed_memory
from sparse_layers_speed import passes

ROUNDS = 5
TOLERATED = 1.1
"""How much slower the choice may be before it is marked: timings differ by that from day to day."""


@dataclass(frozen=True)
class Case:
    """A shape of a layer: its name, its two ways, and whether the compiled one is chosen."""

    name: str
    ours: Callable[[], object]
    torch: Callable[[], object]
    chosen: bool


def linear_layers() -> Iterator[Case]:
    shapes = [(1600, 1000, samples) for samples in (8, 32, 64, 128, 512)]
    for inputs, outputs, samples in [*shapes, (6400, 256, 128), (400, 128, 128), (100, 100, 128)]:
        for share in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5):
            yield linear_layer(inputs, outputs, samples, share)


def linear_layer(inputs: int, outputs: int, samples: int, share: float) -> Case:
    x, layer = torch.randn(samples, inputs).requires_grad_(), SparseLinear(inputs, outputs, 1 - share)
    pattern, leaves = Pattern.of(layer.indices, inputs), [x, *layer.parameters()]
    return Case(
        f"linear {inputs} × {outputs}, {samples} samples, {share:.2f} kept",
        passes(lambda: sparse_linear(x, layer.values, layer.bias, pattern), leaves),
        passes(lambda: functional.linear(x, layer.weight, layer.bias), leaves),
        sparse_linear_pays(samples, inputs, outputs, layer.values.shape[1]),
    )


def winners_convolutions() -> Iterator[Case]:
    for channels, kernel in ((64, 5), (128, 3), (32, 3), (64, 1)):
        for share in (0.1, 0.2, 0.3, 0.4, 0.5):
            yield winners_convolution(channels, kernel, share)


def winners_convolution(channels: int, kernel: int, share: float) -> Case:
    shape = (32, 14, 14, channels)
    wins = torch.rand(shape) < share
    x = (torch.randn(shape) * wins).permute(0, 3, 1, 2).requires_grad_()  # channels_last, as winners are
    argmax = torch.where(wins, 0, 255).to(torch.uint8).permute(0, 3, 1, 2)
    layer = SparseConv2d(channels, channels, kernel, 0.8)
    leaves = [x, *layer.parameters()]
    return Case(
        f"convolution {kernel} × {kernel} of {channels} channels, {share:.2f} winners",
        passes(lambda: convolve_winners(x, argmax, layer.weight, layer.bias), leaves),
        passes(lambda: functional.conv2d(x, layer.weight, layer.bias), leaves),
        winners_convolution_pays(kernel, channels, share, kept=1.0),
    )


def sparse_convolutions() -> Iterator[Case]:
    for channels, kernel, images in (
        (64, 5, 128),
        (64, 5, 16),
        (64, 5, 4),
        (128, 3, 32),
        (32, 3, 32),
        (64, 1, 32),
    ):
        for kept in (0.1, 0.2, 0.3, 0.4):
            yield sparse_convolution_of(channels, kernel, images, kept)


def sparse_convolution_of(channels: int, kernel: int, images: int, kept: float) -> Case:
    x = torch.randn(images, 14, 14, channels).permute(0, 3, 1, 2).requires_grad_()  # channels_last
    layer = SparseConv2d(channels, channels, kernel, 1 - kept)
    pattern, leaves = KernelPattern.of(layer.indices, channels), [x, *layer.parameters()]
    return Case(
        f"convolution {kernel} × {kernel} of {channels} channels, {images} images, {kept:.2f} kept",
        passes(lambda: sparse_convolution(x, layer.values, layer.bias, kernel, pattern), leaves),
        passes(lambda: functional.conv2d(x, layer.weight, layer.bias), leaves),
        sparse_convolution_pays(images, layer.shape, layer.kept_share),
    )


def image_convolutions() -> Iterator[Case]:
    for before_pool in (False, True):
        for channels, kernel in ((1, 5), (3, 5), (4, 5), (3, 3), (5, 3), (7, 3), (1, 8), (3, 2)):
            yield image_convolution(channels, kernel, before_pool)


def image_convolution(channels: int, kernel: int, before_pool: bool) -> Case:
    images = torch.randn(32, channels, 27 + kernel, 27 + kernel)
    layer = SparseConv2d(channels, 64, kernel, 0.5)
    winners = NormPoolWinners(64, 2, KWinners2d(64, 0.1), before_pool)
    leaves = list(layer.parameters())

    def ours() -> Tensor:
        return winners.choose_from_images(images, layer.weight, layer.bias)[0]

    order = "before" if before_pool else "after"
    return Case(
        f"images, {kernel} × {kernel} × {channels} = {layer.fan_in} taps, {order} pooling",
        passes(ours, leaves),
        passes(lambda: winners(layer(images)), leaves),
        image_winners_pay(kernel, layer.fan_in, training=True),
    )


def main() -> None:
    rounds = QUICK_ROUNDS if read_options(__doc__).quick else ROUNDS
    reuse_freed_memory()  # as in training
    torch.set_num_threads(1)
    print("cpu, 1 thread; forward and backward, milliseconds")
    print(f"  {'':58}{'torch':>8}{'ours':>8}")
    for cases in (linear_layers, winners_convolutions, sparse_convolutions, image_convolutions):
        torch.manual_seed(0)
        for case in cases():
            times = fastest_rounds({"torch": case.torch, "ours": case.ours}, "cpu", rounds)
            ratio = times["torch"] / times["ours"]
            slower = 1 / ratio if case.chosen else ratio
            said = ("ours" if case.chosen else "torch") + (", slower" if slower > TOLERATED else "")
            figures = f"{times['torch']:8.2f}{times['ours']:8.2f}{ratio:7.2f}×"
            print(f"  {case.name:58}{figures}   {said}", flush=True)


if __name__ == "__main__":
    main()
