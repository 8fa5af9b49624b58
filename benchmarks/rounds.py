"""How long several ways of doing the same take, in rounds that alternate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch

ROUNDS = 15
QUICK_ROUNDS = 3


def fastest_rounds(
    ways: Mapping[str, Callable[[], object]], device: str, rounds: int = ROUNDS
) -> dict[str, float]:
    """Return the milliseconds of each way's fastest round."""
    alone = device == "cpu" and torch.get_num_threads() == 1
    clock = time.thread_time if alone else time.perf_counter
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, run in ways.items():
            start = clock()
            run()
            if device == "cuda":
                torch.cuda.synchronize()
            seconds[name] = min(seconds[name], clock() - start)
    return {name: 1000 * value for name, value in seconds.items()}


def heading_of(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"cpu, {threads} threads" if threads > 1 else "cpu, 1 thread"
