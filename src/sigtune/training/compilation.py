"""`trainer.step=compile`: the model through torch.compile, where this machine has the compiler for it."""

from __future__ import annotations

import logging
import time

import torch
from torch import nn

log = logging.getLogger(__name__)


def compile_model(model: nn.Module, device: torch.device) -> None:
    """Have the model compiled at its first batch, in place, so that its state dict keeps its keys.

    On a GPU its kernels are replayed as CUDA graphs. Where there is no compiler (C++ for the CPU, Triton for
    a GPU), the log warns of it once and the model stays as it is. What was compiled for earlier models of
    this process is forgotten: torch stops compiling, in silence, after so many shapes of one function.
    """
    torch.compiler.reset()
    reason = _why_not(device)
    if reason:
        log.warning("trainer.step=compile has no effect, training is not compiled: %s", reason)
        return
    model.compile(mode="reduce-overhead" if device.type == "cuda" else None)


def _why_not(device: torch.device) -> str:
    """Compile a line of code; return what goes wrong, or "" where nothing does.

    The compiler is asked for only when the model's first batch comes, which is too late to do without it.
    """
    never_compiled_before = time.time()  # so that no cache answers in the compiler's place

    def scale(x: torch.Tensor) -> torch.Tensor:
        return x * never_compiled_before

    try:
        torch.compile(scale)(torch.zeros(8, device=device))
    except Exception as error:  # noqa: BLE001 - each backend has its own errors
        return str(error).strip().partition("\n")[0]
    return ""
