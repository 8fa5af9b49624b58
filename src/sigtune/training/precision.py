"""`trainer.precision`: what `auto` stands for, and bfloat16 beside clipped gradients."""

from __future__ import annotations

import logging
from functools import cache

import torch
from pytorch_lightning.plugins.precision import MixedPrecision, Precision
from pytorch_lightning.utilities import GradClipAlgorithmType
from torch.optim import Optimizer

log = logging.getLogger(__name__)


def chosen_precision(precision: str, gpus: int) -> str:
    """Return the name of Lightning's precision for `trainer.precision`, which is one itself or `auto`.

    `auto` is bf16-mixed on a CPU that has units for matrices of bfloat16 (AMX), where it is faster by far and
    no less accurate (`benchmarks/precision_accuracy.py`), and 32-true elsewhere.
    """
    if precision != "auto":
        return precision
    chosen = "bf16-mixed" if gpus == 0 and torch.cpu.get_capabilities().get("amx_bf16") else "32-true"
    _tell(chosen)
    return chosen


@cache  # A search that trains job after job in this process says it once.
def _tell(chosen: str) -> None:
    log.info("trainer.precision=auto is %s on this machine", chosen)


class BFloat16Mixed(MixedPrecision):
    """Lightning's bf16-mixed, with `trainer.gradient_clip_val` for fused optimisers too.

    Lightning refuses the two together, as a fused optimiser unscales its gradients itself, after they were
    clipped. Only float16 needs gradients that are scaled.
    """

    def __init__(self, device: str) -> None:
        super().__init__("bf16-mixed", device)

    def clip_gradients(
        self,
        optimizer: Optimizer,
        clip_val: int | float = 0.0,
        gradient_clip_algorithm: GradClipAlgorithmType = GradClipAlgorithmType.NORM,
    ) -> None:
        """Clip the gradients as in 32 bits."""
        Precision.clip_gradients(self, optimizer, clip_val, gradient_clip_algorithm)
