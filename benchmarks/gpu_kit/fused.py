"""The prototype of a population on the GPU: milliseconds a step and a member, eager and as a CUDA graph."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from configured import network
from gpu_measure import graph_or_reason
from gpu_timing import CUDA, DEVICE, milliseconds, peak_memory_mib, profiled, report
from population import Population, VmappedPopulation
from sigtune.models.sparse_cnn import SparseCNN

BATCH = 128 if CUDA else 8
SIZES = (1, 4, 16, 32) if CUDA else (1, 2)
VMAPPED_SIZE = 16 if CUDA else 2


def sparse_cnn(seed: int) -> SparseCNN:
    torch.manual_seed(seed)
    model = network("sparse_cnn")
    assert isinstance(model, SparseCNN)
    return model


def population(size: int) -> Population:
    members = Population([sparse_cnn(seed) for seed in range(size)], DEVICE)
    members.lr.fill_(0.05)
    members.weight_decay.fill_(1e-4)
    return members


def difference_to_alone(images: Tensor, targets: Tensor) -> float:
    """Return how far a member's loss is from that of the same network trained alone, after five steps."""
    members, alone = population(3), sparse_cnn(1).to(DEVICE)
    optimizer = torch.optim.SGD(alone.parameters(), lr=0.05, weight_decay=1e-4)
    for _ in range(5):
        losses = members.step(images, targets)
        optimizer.zero_grad()
        loss = functional.cross_entropy(alone(images), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return float((losses[1] - loss).abs())


def measure(
    name: str, trainer: Population | VmappedPopulation, size: int, data: tuple[Tensor, Tensor]
) -> None:
    def step() -> None:
        trainer.step(*data)

    if CUDA:
        torch.cuda.reset_peak_memory_stats()
    eager = milliseconds(step, 25, 3)
    profile = profiled(step, 3)
    profile.print_slowest(8)
    line = (
        f"{name} K={size}: eager {eager:.2f} ms, {eager / size:.3f} a member; "
        f"{profile.kernels:.0f} kernels, {profile.microseconds / 1000:.2f} ms of them"
    )
    if CUDA:
        line += f"; {peak_memory_mib()} MiB; graph {graph_or_reason(step)}"
    report(line)


def main() -> None:
    torch.set_float32_matmul_precision("high")
    images = torch.randn(BATCH, 1, 32, 32, device=DEVICE)
    targets = torch.randint(12, (BATCH,), device=DEVICE)
    difference = difference_to_alone(images, targets)
    report(f"a member beside the same network alone: losses differ by {difference:.1e} after 5 steps")
    for size in SIZES:
        measure("grouped", population(size), size, (images, targets))
    measure("vmap", VmappedPopulation(population(VMAPPED_SIZE)), VMAPPED_SIZE, (images, targets))


if __name__ == "__main__":
    main()
