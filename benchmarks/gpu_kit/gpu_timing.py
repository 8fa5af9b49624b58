"""Clocks and profiles of what runs on the GPU, or with GPUS=0 on the CPU, and how they are reported."""

from __future__ import annotations

import collections
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

DEVICE = torch.device("cuda" if os.environ.get("GPUS", "1") != "0" else "cpu")
CUDA = DEVICE.type == "cuda"

Runnable = Callable[[], object]


def report(*words: object) -> None:
    """Print a line that gpu-check takes into its table."""
    print("RESULT", *words, flush=True)


def synchronize() -> None:
    if CUDA:
        torch.cuda.synchronize()


def milliseconds(run: Runnable, repeats: int = 100, warm_up: int = 10) -> float:
    """Return the median of five means of wall time; a rehearsal repeats little."""
    repeats, warm_up = (repeats, warm_up) if CUDA else (5, 1)
    for _ in range(warm_up):
        run()
    each = max(1, repeats // 5)
    means = []
    for _ in range(5):
        synchronize()
        start = time.perf_counter()
        for _ in range(each):
            run()
        synchronize()
        means.append((time.perf_counter() - start) / each)
    return 1000 * sorted(means)[2]


@dataclass(frozen=True)
class Profile:
    """What a run costs on average: kernels, their microseconds, calls of torch; and the slowest kernels."""

    kernels: float
    microseconds: float
    calls: float
    slowest: list[tuple[str, float]]

    def print_slowest(self, count: int = 14) -> None:
        for name, spent in self.slowest[:count]:
            print(f"    {spent:8.1f} µs {name[:90]}")


def profiled(run: Runnable, runs: int = 10) -> Profile:
    from torch.autograd import DeviceType  # type: ignore[attr-defined]
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if CUDA else [])]
    with profile(activities=activities) as profiler:
        for _ in range(runs):
            run()
        synchronize()
    events = profiler.events() or []
    kernels = [event for event in events if event.device_type == DeviceType.CUDA]
    spent: collections.Counter[str] = collections.Counter()
    for kernel in kernels:
        spent[kernel.name] += kernel.time_range.elapsed_us()
    calls = sum(event.name.startswith("aten::") and event.cpu_parent is None for event in events)
    slowest = [(name, microseconds / runs) for name, microseconds in spent.most_common(14)]
    return Profile(len(kernels) / runs, sum(spent.values()) / runs, calls / runs, slowest)


def cuda_graph_of(run: Runnable) -> Runnable:
    """Return what replays `run` as one CUDA graph; raises what torch raises where it cannot be captured."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def peak_memory_mib() -> int:
    return torch.cuda.max_memory_allocated() >> 20
