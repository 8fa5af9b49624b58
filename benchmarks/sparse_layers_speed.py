"""How long the compiled functions of the sparse CNN take on the CPU beside torch's dense layers.

Both get the same batch of 128 and the same weights, forward and backward, with gradients for what training
needs them for: not for the images. Beside the first convolution, batch norm, pooling and k-winners are one
compiled function in both. Rounds alternate, and the fastest one counts, so that what else the machine does
falls on both alike.

    python benchmarks/sparse_layers_speed.py [--quick]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from options import read_options
from rounds import QUICK_ROUNDS, ROUNDS, fastest_rounds, heading_of
from sigtune.kernels.winners_convolution import convolve_winners
from sigtune.models.k_winners import KWinners2d
from sigtune.models.norm_pool_winners import NormPoolWinners
from sigtune.models.sparse_weights import SparseConv2d, SparseLinear
from sigtune.models.winners_block import WinnersBlock
from sigtune.training.host_memory import reuse_freed_memory

BATCH = 128

Ways = dict[str, Callable[[], object]]


def passes(forward: Callable[[], Tensor], leaves: Sequence[Tensor]) -> Callable[[], object]:
    """Return a forward and a backward pass to the leaves."""
    gradient = torch.randn_like(forward())
    return lambda: torch.autograd.grad(forward(), leaves, gradient)


def image_block() -> Ways:
    images = torch.randn(BATCH, 1, 32, 32)
    block = WinnersBlock(SparseConv2d(1, 64, 5, 0.5), NormPoolWinners(64, 2, KWinners2d(64, 0.095)))
    weights = list(block.parameters())
    return {
        "ours": passes(lambda: block(images)[0], weights),
        "torch": passes(lambda: block.winners(block.convolution(images)), weights),
    }


def winners_convolution() -> Ways:
    with torch.no_grad():
        block = WinnersBlock(SparseConv2d(1, 64, 5, 0.5), NormPoolWinners(64, 2, KWinners2d(64, 0.095)))
        x, argmax = block(torch.randn(BATCH, 1, 32, 32))
    assert argmax is not None
    convolution = SparseConv2d(64, 64, 5, 0.8)
    nn.utils.convert_conv2d_weight_memory_format(convolution, torch.channels_last)
    leaves = [x.requires_grad_(), *convolution.parameters()]
    return {
        "ours": passes(lambda: convolve_winners(x, argmax, convolution), leaves),
        "torch": passes(lambda: convolution(x), leaves),
    }


def sparse_linear() -> Ways:
    x, layer = torch.randn(BATCH, 1600).requires_grad_(), SparseLinear(1600, 1000, 0.9)
    leaves = [x, *layer.parameters()]
    return {
        "ours": passes(lambda: layer(x), leaves),
        "torch": passes(lambda: nn.functional.linear(x, layer.weight, layer.bias), leaves),
    }


LAYERS = {
    "first convolution, batch norm, pooling, k-winners": image_block,
    "second convolution, of winners": winners_convolution,
    "linear layer, a tenth of its weights kept": sparse_linear,
}


def main() -> None:
    quick = read_options(__doc__).quick
    reuse_freed_memory()  # as in training
    threads = torch.get_num_threads()
    for number in [threads] if quick else dict.fromkeys([threads, 1]):
        torch.set_num_threads(number)
        print(f"{heading_of('cpu')}; forward and backward of a batch of {BATCH}")
        for name, ways in LAYERS.items():
            torch.manual_seed(0)
            times = fastest_rounds(ways(), "cpu", QUICK_ROUNDS if quick else ROUNDS)
            ratio = times["torch"] / times["ours"]
            print(f"  {name:52}torch {times['torch']:6.1f} ms  ours {times['ours']:6.1f} ms {ratio:6.1f}×")


if __name__ == "__main__":
    main()
