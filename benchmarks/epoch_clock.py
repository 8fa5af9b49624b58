"""How long each epoch of a Lightning training takes."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytorch_lightning as pl
import torch


class EpochClock(pl.Callback):
    """Writes the seconds of each epoch, from its start to that of the next one or the end, to a JSON file."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.times: list[float] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.times.append(now())

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.times.append(now())
        self.path.write_text(json.dumps(seconds_between(self.times)))


def seconds_between(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
