"""Weights & Biases' runs: one for each training, though several trainings follow one another in a process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pytorch_lightning.loggers import Logger, WandbLogger


@contextmanager
def run_ended_after(loggers: Iterable[Logger]) -> Iterator[None]:
    """End a WandbLogger's run with the block: Lightning leaves it open, for the next logger to go on with."""
    try:
        yield
    finally:
        if any(isinstance(logger, WandbLogger) for logger in loggers):
            import wandb

            wandb.finish()
