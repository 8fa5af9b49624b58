"""How long choosing k winners takes, by several ways, forward and backward, alone and in what it is part of.

All ways get the same boosted batch and must give the same output and the same gradient. Rounds of all ways
alternate, and each way's fastest round counts, so that what else the machine does falls on all alike. The CPU
is timed twice: on all threads by the clock, and on one thread by its own CPU time, which holds on a busy
machine too. numpy's partition runs on one thread, the others on all.

Then batch norm, pooling and k-winners, which on the CPU are one compiled function, stand beside the three
layers one after the other, whose k-winners are the fastest of the ways above.

The last part sets one training step of the networks (batch 128, 32×32 images, SGD) beside what the layers
with weights alone would take.

    python benchmarks/k_winners_speed.py [--quick]
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from configured import network
from options import read_options
from rounds import QUICK_ROUNDS, ROUNDS, fastest_rounds, heading_of
from sigtune.kernels.kth_highest import kth_highest
from sigtune.models.k_winners import KWinners, KWinners2d
from sigtune.models.norm_pool_winners import NormPoolWinners
from sigtune.training.host_memory import reuse_freed_memory

BATCH = 128
SHAPES = {"64·14·14": (64 * 14 * 14, 0.095), "64·5·5": (64 * 5 * 5, 0.125), "1000": (1000, 0.1)}
BASE = "compiled, float mask (ours)"

Choice = Callable[[Tensor, Tensor, int], Tensor]


def scattered_topk(x: Tensor, boosted: Tensor, k: int) -> Tensor:
    winners = boosted.topk(k, dim=1).indices
    return x * torch.zeros_like(x).scatter_(1, winners, 1.0)


def full_sort(x: Tensor, boosted: Tensor, k: int) -> Tensor:
    return torch.where(boosted >= boosted.sort(dim=1, descending=True).values[:, k - 1 : k], x, 0.0)


def topk(x: Tensor, boosted: Tensor, k: int) -> Tensor:
    threshold = boosted.topk(k, dim=1, sorted=False).values.amin(dim=1, keepdim=True)
    return torch.where(boosted >= threshold, x, 0.0)


def topk_float_mask(x: Tensor, boosted: Tensor, k: int) -> Tensor:
    threshold = boosted.topk(k, dim=1, sorted=False).values.amin(dim=1, keepdim=True)
    return x * boosted.clone().ge_(threshold)


def kthvalue(x: Tensor, boosted: Tensor, k: int) -> Tensor:
    threshold = boosted.kthvalue(boosted.shape[1] - k + 1, dim=1, keepdim=True).values
    return torch.where(boosted >= threshold, x, 0.0)


def partition(x: Tensor, boosted: Tensor, k: int) -> Tensor:
    place = boosted.shape[1] - k
    threshold = torch.from_numpy(np.partition(boosted.numpy(), place, axis=1)[:, place : place + 1])
    return x * boosted.clone().ge_(threshold)


def threshold_search(x: Tensor, boosted: Tensor, k: int) -> Tensor:
    """Find the k-th highest bit by bit: floats are ordered as the integers that their bits make."""
    bits = boosted.contiguous().view(torch.int32)
    keys = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long()
    threshold = torch.full((len(x), 1), -(2**31), device=x.device)
    for bit in range(31, -1, -1):
        higher = threshold + 2**bit
        threshold = torch.where((keys >= higher).sum(dim=1, keepdim=True) >= k, higher, threshold)
    return torch.where(keys >= threshold, x, 0.0)


def ours(x: Tensor, boosted: Tensor, k: int) -> Tensor:
    return x * boosted.clone().ge_(kth_highest(boosted, k))


def ours_exactly_k(x: Tensor, boosted: Tensor, k: int) -> Tensor:
    """Break ties by the lowest index, which our layers do not."""
    threshold = kth_highest(boosted, k)
    above, ties = boosted > threshold, boosted == threshold
    free = k - above.sum(dim=1, keepdim=True)
    return x * (above | (ties & (ties.cumsum(dim=1) <= free))).to(x.dtype)


WAYS: dict[str, Choice] = {
    "full sort, where": full_sort,
    "topk's indices, scattered mask": scattered_topk,
    "topk, where": topk,
    "topk, float mask": topk_float_mask,
    "kthvalue, where": kthvalue,
    "threshold search, where": threshold_search,
    "numpy's partition, float mask": partition,
    BASE: ours,
    "the same, ties broken by index": ours_exactly_k,
}


def compare_choices(device: str, rounds: int) -> None:
    table = {shape: times_of_choices(device, rounds, *settings) for shape, settings in SHAPES.items()}
    heading = f"{heading_of(device)}; milliseconds, and times ours, at (128, n), n ="
    print(f"{heading:60}" + "".join(f"{shape:>10}{'':8}" for shape in SHAPES))
    for name in next(iter(table.values())):
        cells = [f"{times[name]:7.2f} ms {times[name] / times[BASE]:5.1f}×" for times in table.values()]
        print(f"  {name:56}" + "  ".join(cells))


def times_of_choices(device: str, rounds: int, units: int, percent_on: float) -> dict[str, float]:
    torch.manual_seed(0)
    x = torch.randn(BATCH, units, device=device).requires_grad_()
    gradient, k = torch.randn_like(x), round(percent_on * units)
    boosted = x.detach() * torch.exp(0.1 * torch.rand(units, device=device))

    def runner(way: Choice) -> Callable[[], list[Tensor]]:
        def forward_and_backward() -> list[Tensor]:
            y = way(x, boosted, k)
            return [y, *torch.autograd.grad(y, x, gradient)]

        return forward_and_backward

    layer = KWinners(units, percent_on).to(device)
    runs = {name: runner(way) for name, way in WAYS.items() if device == "cpu" or way is not partition}
    expected = runs[BASE]()
    for run in runs.values():
        assert all(map(torch.equal, run(), expected))
    runs["the whole layer, boosting and duty cycles too"] = runner(lambda x, boosted, k: layer(x))
    return fastest_rounds(runs, device, rounds)


def compare_blocks(rounds: int) -> None:
    print(f"{heading_of('cpu')}; batch norm, pooling and k-winners, forward and backward")
    for channels, side, percent_on in ((64, 28, 0.095), (64, 10, 0.125)):
        for dtype in (torch.float32, torch.bfloat16):
            times = fastest_rounds(blocks(channels, side, percent_on, dtype), "cpu", rounds)
            ratio = times["layers"] / times["fused"]
            shape = f"({BATCH}, {channels}, {side}, {side}) {str(dtype).removeprefix('torch.')}"
            print(
                f"  {shape:34}layers {times['layers']:6.2f} ms  fused {times['fused']:6.2f} ms {ratio:6.1f}×"
            )


def blocks(
    channels: int, side: int, percent_on: float, dtype: torch.dtype
) -> dict[str, Callable[[], list[Tensor]]]:
    """Return the compiled function, and the layers that it does the work of, on one random batch."""
    torch.manual_seed(0)
    block = NormPoolWinners(channels, 2, KWinners2d(channels, percent_on))
    x = torch.randn(BATCH, channels, side, side, dtype=dtype).contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    gradient = torch.randn_like(block(x))

    def layers() -> list[Tensor]:
        y = block.winners(block.pool(block.norm(x)))
        return list(torch.autograd.grad(y, x, gradient))

    return {"layers": layers, "fused": lambda: list(torch.autograd.grad(block(x), x, gradient))}


def training_step(model: nn.Module, images: Tensor, targets: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, weight_decay=1e-4)

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(images), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def convolutions_and_linear(device: str) -> Callable[[], None]:
    """Return the forward and backward of the layers with weights alone, each fed a random batch."""
    model = network("dense_cnn").to(device)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    shapes = [(BATCH, 1, 32, 32), (BATCH, 64, 14, 14), (BATCH, 1600), (BATCH, 1000)]
    inputs = [torch.randn(shape, device=device) for shape in shapes]
    inputs[1] = inputs[1].contiguous(memory_format=torch.channels_last)
    for features in inputs[1:]:
        features.requires_grad_()
    outputs = [layer(features) for layer, features in zip(layers, inputs, strict=True)]
    gradients = [torch.randn_like(output) for output in outputs]

    def run() -> None:
        for layer, features, gradient in zip(layers, inputs, gradients, strict=True):
            torch.autograd.backward(layer(features), gradient)

    return run


def compare_steps(device: str, rounds: int) -> None:
    images = torch.randn(BATCH, 1, 32, 32, device=device)
    targets = torch.randint(12, (BATCH,), device=device)
    times = fastest_rounds(
        {
            "SparseCNN": training_step(network("sparse_cnn").to(device), images, targets),
            "SparseCNN, k-winners before the pooling": training_step(
                network("sparse_cnn", k_winners_before_pool=True).to(device), images, targets
            ),
            "DenseCNN": training_step(network("dense_cnn").to(device), images, targets),
            "the convolutions and linear layers alone": convolutions_and_linear(device),
        },
        device,
        rounds,
    )
    print(f"{heading_of(device)}; one training step of {BATCH} samples, an epoch of 27, and times DenseCNN's")
    for name, milliseconds in times.items():
        ratio = milliseconds / times["DenseCNN"]
        print(f"  {name:56}{milliseconds:7.1f} ms {27 * milliseconds / 1000:6.2f} s {ratio:5.2f}×")


def main() -> None:
    quick = read_options(__doc__).quick
    rounds = QUICK_ROUNDS if quick else ROUNDS
    reuse_freed_memory()  # as in training
    threads = torch.get_num_threads()
    for number in [threads] if quick else dict.fromkeys([threads, 1]):
        torch.set_num_threads(number)
        compare_choices("cpu", rounds)
        compare_blocks(rounds)
        compare_steps("cpu", rounds)
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        compare_choices("cuda", rounds)
        compare_steps("cuda", rounds)


if __name__ == "__main__":
    main()
