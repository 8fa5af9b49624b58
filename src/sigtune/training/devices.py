"""The devices this machine has, against those the config asks for."""

from __future__ import annotations

from typing import Any

from sigtune.errors import Code, Problem, nearest

PROFILERS = ("simple", "advanced", "pytorch")
BACKENDS = ("nccl", "gloo")
STEPS = ("auto", "eager", "graph", "compile")


def device_problems(gpus: int) -> list[Problem]:
    """Return what is wrong with `trainer.gpus` on this machine; nothing for 0, which is the CPU."""
    if gpus == 0:
        return []
    if gpus < 0:
        return [Problem(f"trainer.gpus={gpus}", "expected 0 (the CPU) or more", "trainer.gpus=0")]
    import torch

    available = torch.cuda.device_count()
    if gpus <= available:
        return []
    remedy = f"trainer.gpus={available}" if available else "trainer.gpus=0 trains on the CPU"
    what = f"this machine has {available} GPU{'' if available == 1 else 's'}"
    return [Problem(f"trainer.gpus={gpus}", what, remedy, code=Code.THIS_MACHINE)]


def setting_problems(trainer: Any) -> list[Problem]:
    """Return what is wrong with those settings of a TrainerConfig that Lightning would find only in a job."""
    found = []
    if trainer.num_threads is not None and trainer.num_threads < 1:
        key = f"trainer.num_threads={trainer.num_threads}"
        found.append(Problem(key, "expected 1 or more", "trainer.num_threads=1"))
    if trainer.profiler not in (None, *PROFILERS):
        key = f"trainer.profiler={trainer.profiler}"
        found.append(Problem(key, "no such profiler", nearest(trainer.profiler, PROFILERS)))
    if trainer.step not in STEPS:
        found.append(Problem(f"trainer.step={trainer.step}", "no such step", nearest(trainer.step, STEPS)))
    backend = trainer.process_group_backend
    key = f"trainer.process_group_backend={backend}"
    if backend not in (None, *BACKENDS):
        found.append(Problem(key, "no such backend", nearest(backend, BACKENDS)))
    elif backend is not None and trainer.gpus < 2:
        found.append(Problem(key, "one process has nobody to talk to", "trainer.gpus=2 or more, or null"))
    return found
