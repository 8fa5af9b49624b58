"""What gpu-check measures beside whole trainings.

    python gpu_measure.py COMMAND [ARGUMENTS]

Lines after RESULT go into gpu-check's table. GPUS=0 rehearses on the CPU.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from configured import network
from gpu_timing import (
    CUDA,
    DEVICE,
    Runnable,
    cuda_graph_of,
    milliseconds,
    peak_memory_mib,
    profiled,
    report,
)
from sigtune.data.augmentation import Augmentation, AugmentationSettings
from sigtune.data.batches import BatchSizes, TrainBatches
from sigtune.data.front_end import LogMelSpectrogram
from sigtune.job.outcome import read_outcome
from sigtune.kernels import choice
from sigtune.kernels.kth_highest import kth_highest
from sigtune.kernels.library import is_compiled
from sigtune.models.k_winners import KWinners2d
from sigtune.models.norm_pool_winners import NormPoolWinners

Way = Callable[[Tensor, int], Tensor]

# Side of the images, share of winners, whether they are chosen before the pooling: the layers in conf/model/.
LAYERS = ((28, 0.095, True), (10, 0.125, True), (28, 0.095, False), (10, 0.125, False))

# Rows, units and winners: the network's layers of k-winners, and two of them for sixteen batches at once.
SHAPES = ((128, 12544, 1192), (128, 1600, 200), (128, 1000, 100), (2048, 12544, 1192), (2048, 1000, 100))


def versions() -> None:
    """Report what the machine has."""
    gpu = torch.cuda.get_device_name() if CUDA else "none"
    cores = len(os.sched_getaffinity(0))
    report(f"python {platform.python_version()}, torch {torch.__version__}, GPU {gpu}, {cores} cores")
    compiler = "none"
    if found := shutil.which("g++"):
        asked = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        compiler = asked.stdout.partition("\n")[0]
    report(f"g++ {compiler}; compiled functions {'there' if is_compiled() else 'NOT there'}")


def step() -> None:
    """Report what a training step and the making of a batch cost, and the step as one CUDA graph."""
    torch.set_float32_matmul_precision("high")
    batches = random_batches()
    images, targets = next(iter(batches))
    train = training_step(images, targets)

    def epoch() -> None:
        for _ in batches:
            pass

    measure("training step", train, milliseconds(train), 1)
    measure("making a batch", epoch, milliseconds(epoch, 10, 2), len(batches))
    if CUDA:
        report(f"peak memory of torch {peak_memory_mib()} MiB")
        report(f"as one CUDA graph: {graph_or_reason(train)}")


def measure(name: str, run: Runnable, wall: float, parts: int) -> None:
    profile = profiled(run, 10 if CUDA and parts == 1 else 1)
    report(
        f"{name}: {wall / parts:.3f} ms by the clock; {profile.kernels / parts:.0f} kernels, "
        f"{profile.microseconds / parts:.0f} µs of them; {profile.calls / parts:.0f} aten calls"
    )
    profile.print_slowest()


def graph_or_reason(run: Runnable) -> str:
    try:
        return f"{milliseconds(cuda_graph_of(run)):.3f} ms a step"
    except RuntimeError as error:
        traceback.print_exc()
        return str(error).splitlines()[0]


def random_batches() -> TrainBatches:
    """Return batches of the size of the synthetic data set, of noise."""
    generator = np.random.default_rng(0)
    clips = torch.from_numpy(generator.integers(-9999, 9999, (3400, 16000), dtype=np.int16)).to(DEVICE)
    noise = torch.from_numpy(generator.integers(-9999, 9999, 120 * 16000, dtype=np.int16))
    targets = torch.from_numpy(generator.integers(0, 12, 3400)).to(DEVICE)
    return TrainBatches(
        clips,
        targets,
        augmentation=Augmentation(AugmentationSettings(10.0, 100.0), noise.to(DEVICE)),
        front_end=LogMelSpectrogram().to(DEVICE),
        sizes=BatchSizes(128),
        seed=0,
    )


def training_step(images: Tensor, targets: Tensor) -> Runnable:
    model = network("sparse_cnn").to(DEVICE)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=1e-4, fused=True)

    def train() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(images), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return train


def rate(folder: str, slots: str, seconds: str) -> None:
    """Report how many suggestions an hour a search did, and would do once its workers have started."""
    found = [read_outcome(path.parent) for path in sorted(Path(folder).glob("*/outcome.json"))]
    outcomes = [outcome for outcome in found if outcome is not None]
    jobs = sorted(outcome.seconds for outcome in outcomes if outcome.values)
    median = jobs[len(jobs) // 2] if jobs else float("inf")
    hourly = 3600 * len(jobs) / max(1, int(seconds))
    report(
        f"{len(jobs)} of {len(outcomes)} jobs done in {seconds} s, {hourly:.0f} an hour; "
        f"a job {median:.1f} s (median): {3600 * int(slots) / median:.0f} an hour once started"
    )
    for outcome in outcomes:
        if not outcome.values:
            report("   failed:", outcome.reason[:150])


def epochs(*files: str) -> None:
    """Report the epochs that benchmarks/epoch_clock.py wrote down."""
    for path in map(Path, files):
        if path.exists():
            first, *others = json.loads(path.read_text())
            report(f"{path.stem:10} first epoch {first:.2f} s, fastest of the others {min(others):.3f} s")


def winners() -> None:
    """Report what choosing winners costs, with and without the kernels in Triton."""
    report_selections()
    report_layers()


def report_selections() -> None:
    """Report ways of finding the k-th highest: microseconds, kernels, and whether the answer is right."""
    ways: dict[str, Way] = {
        "ours": kth_highest,
        "topk, amin": lambda x, k: x.topk(k, dim=1, sorted=False).values.amin(dim=1, keepdim=True),
        "kthvalue": lambda x, k: x.kthvalue(x.shape[1] - k + 1, dim=1, keepdim=True).values,
        "sort": by_sorting,
    }
    if CUDA:
        from sigtune.kernels.gpu.kth_highest import kth_highest as in_triton

        ways["triton"] = in_triton
    for rows, count, k in SHAPES if CUDA else SHAPES[:3]:
        x = torch.randn(rows, count, device=DEVICE)
        report(f"({rows}, {count}):", ", ".join(f"{name} {told(way, x, k)}" for name, way in ways.items()))


def report_layers() -> None:
    """Report batch norm, pooling and k-winners with their gradient, eager and as a CUDA graph."""
    card = torch.cuda.get_device_name() if CUDA else ""
    ways = {"torch": "", "k-th in triton": "kth_highest", "all in triton": "norm_pool_winners"}
    if not CUDA:
        ways = {"ours": ""}
    for dtype in (torch.float32, torch.bfloat16):
        for side, percent_on, before_pool in LAYERS:
            x = torch.randn(128 if CUDA else 8, 64, side, side, device=DEVICE, dtype=dtype)
            x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
            order = "chosen, pooled" if before_pool else "pooled, chosen"
            report(f"layer of {side}×{side}, {order}, {str(dtype).removeprefix('torch.')}:")
            expected: Tensor | None = None
            for name, used in ways.items():
                for kernel in choice.CARDS_WITH_TRITON:
                    choice.CARDS_WITH_TRITON[kernel] = frozenset([card] if kernel == used else [])
                expected = report_layer(name, x, percent_on, before_pool, expected)


def report_layer(
    name: str, x: Tensor, percent_on: float, before_pool: bool, expected: Tensor | None
) -> Tensor:
    """Report one way of it, and in how many units it differs from what is expected; return that."""
    layer = NormPoolWinners(64, 2, KWinners2d(64, percent_on), before_pool).to(DEVICE)
    y = layer(x).detach()
    gradient = torch.randn_like(y)

    def run() -> None:
        x.grad = None
        layer(x).backward(gradient)

    try:
        profile = profiled(run, 5)
        eager = 1000 * milliseconds(run, 50)
        graph = f", as a graph {graph_or_reason(run)}" if CUDA else ""
    except RuntimeError as error:
        traceback.print_exc()
        report(f"  {name} failed: {type(error).__name__}")
        return y if expected is None else expected
    others = 0 if expected is None else int((~torch.isclose(y, expected, rtol=0.01, atol=0.01)).sum())
    report(
        f"  {name:15} eager {eager:.0f} µs{graph}; {profile.kernels:.0f} kernels, "
        f"{profile.microseconds:.0f} µs of them; {others} of {y.numel()} units differ"
    )
    profile.print_slowest()
    return y if expected is None else expected


def by_sorting(x: Tensor, k: int) -> Tensor:
    return x.sort(dim=1, descending=True).values[:, k - 1 : k]


def told(way: Way, x: Tensor, k: int) -> str:
    try:
        right = torch.equal(way(x, k), by_sorting(x, k))
        kernels = profiled(lambda: way(x, k), 5).kernels
        microseconds = 1000 * milliseconds(lambda: way(x, k), 50)
    except RuntimeError as error:
        traceback.print_exc()
        return f"failed: {type(error).__name__}"
    return f"{microseconds:.0f} µs/{kernels:.0f}k{'' if right else ' WRONG'}"


COMMANDS: dict[str, Callable[..., None]] = {
    command.__name__: command for command in (versions, step, rate, epochs, winners)
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
