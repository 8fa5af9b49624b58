"""The devices this machine has, against those the config asks for."""

from __future__ import annotations

from sigtune.errors import Problem


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
    return [
        Problem(
            f"trainer.gpus={gpus}", f"this machine has {available} GPU{'' if available == 1 else 's'}", remedy
        )
    ]
