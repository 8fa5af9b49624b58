"""How long the compiled functions of the sparse CNN take on the CPU beside torch's dense layers.

Both get the same batch of 128 and the same weights, forward and backward, with gradients for what training
needs them for: not for the images. Beside the first convolution, batch norm, pooling and k-winners are one
compiled function in both. Rounds alternate, and the fastest one counts, so that what else the machine does
falls on both alike. Each width of registers that the processor has is forced in a process of its own
(SIGTUNE_LANES), and beside them stands what runs when none is: each kernel at its best width.

    python benchmarks/sparse_layers_speed.py [--quick]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from options import read_options
from rounds import QUICK_ROUNDS, ROUNDS, fastest_rounds, heading_of
from sigtune.kernels.library import LANES, compiled
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


def first_block(before_pool: bool) -> WinnersBlock:
    winners = NormPoolWinners(64, 2, KWinners2d(64, 0.095), before_pool)
    return WinnersBlock(SparseConv2d(1, 64, 5, 0.5), winners)


def image_block(before_pool: bool) -> Ways:
    images, block = torch.randn(BATCH, 1, 32, 32), first_block(before_pool)
    weights = list(block.parameters())
    return {
        "ours": passes(lambda: block(images)[0], weights),
        "torch": passes(lambda: block.winners(block.convolution(images)), weights),
    }


def winners_convolution(before_pool: bool) -> Ways:
    with torch.no_grad():
        x, argmax = first_block(before_pool)(torch.randn(BATCH, 1, 32, 32))
    assert argmax is not None
    convolution = SparseConv2d(64, 64, 5, 0.8)
    leaves = [x.requires_grad_(), *convolution.parameters()]

    def of_winners() -> Tensor:
        return convolve_winners(x, argmax, convolution.weight, convolution.bias)

    # Before the pooling so many win that the kept weights are what the convolution goes by.
    return {
        "ours": passes((lambda: convolution(x)) if before_pool else of_winners, leaves),
        "torch": passes(lambda: nn.functional.conv2d(x, convolution.weight, convolution.bias), leaves),
    }


def sparse_linear() -> Ways:
    x, layer = torch.randn(BATCH, 1600).requires_grad_(), SparseLinear(1600, 1000, 0.9)
    leaves = [x, *layer.parameters()]
    return {
        "ours": passes(lambda: layer(x), leaves),
        "torch": passes(lambda: nn.functional.linear(x, layer.weight, layer.bias), leaves),
    }


LAYERS = {
    "first convolution, batch norm, pooling, k-winners": lambda: image_block(before_pool=False),
    "first convolution, batch norm, k-winners, pooling": lambda: image_block(before_pool=True),
    "second convolution, of winners": lambda: winners_convolution(before_pool=False),
    "second convolution, of winners before the pooling": lambda: winners_convolution(before_pool=True),
    "linear layer, a tenth of its weights kept": sparse_linear,
}

Times = dict[str, dict[str, float]]
"""The milliseconds of each layer, in each way."""


def measure(threads: int, rounds: int) -> Times:
    """Return the times in this process, whose width of registers is settled when the kernels are loaded."""
    reuse_freed_memory()  # as in training
    torch.set_num_threads(threads)
    times = {}
    for name, ways in LAYERS.items():
        torch.manual_seed(0)
        times[name] = fastest_rounds(ways(), "cpu", rounds)
    return times


def measure_apart(lanes: str, threads: int, rounds: int) -> Times:
    """Return the times in a process with this width of registers, "" for each kernel's own."""
    environment = {name: value for name, value in os.environ.items() if name != LANES}
    if lanes:
        environment[LANES] = lanes
    command = [sys.executable, __file__, "measure", str(threads), str(rounds)]
    times: Times = json.loads(subprocess.check_output(command, env=environment))
    return times


def show(threads: int, quick: bool) -> None:
    widths = ["", *(str(lanes) for lanes in (16, 8, 4) if lanes <= compiled().lanes_of_this_processor())]
    torch.set_num_threads(threads)
    print(f"{heading_of('cpu')}; forward and backward of a batch of {BATCH}, milliseconds")
    titles = ["torch", "ours", "", *(f"{width} lanes" for width in widths[1:])]
    print(f"  {'':52}" + "".join(f"{title:>10}" for title in titles))
    times = {width: measure_apart(width, threads, QUICK_ROUNDS if quick else ROUNDS) for width in widths}
    for name in LAYERS:
        dense = min(of_width[name]["torch"] for of_width in times.values())
        ours, *forced = (times[width][name]["ours"] for width in widths)
        figures = [
            f"{dense:.1f}",
            f"{ours:.1f}",
            f"{dense / ours:.1f}×",
            *(f"{value:.1f}" for value in forced),
        ]
        print(f"  {name:52}" + "".join(f"{figure:>10}" for figure in figures), flush=True)


def main() -> None:
    quick = read_options(__doc__).quick
    threads = torch.get_num_threads()
    for number in [threads] if quick else dict.fromkeys([threads, 1]):
        show(number, quick)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(*map(int, sys.argv[2:]))))
    else:
        main()
