"""JobState: what a killed job needs to resume as if it had never been killed, beside Lightning's state."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

_KEY = "sigtune"


class JobState(pl.Callback):
    """Keeps in every checkpoint the config of the job, its metrics so far and the states of random numbers.

    `metrics` are those of the checkpoint that the trainer has restored, and empty where it restored none.
    """

    def __init__(self, identity: Mapping[str, Any]) -> None:
        self._identity = dict(identity)
        self._random_states: dict[str, Any] | None = None
        self.metrics: dict[str, float] = {}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the state."""
        checkpoint[_KEY] = {
            "identity": self._identity,
            "metrics": {name: float(value) for name, value in trainer.callback_metrics.items()},
            "random_states": _random_states(),
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take the state out; checkpoints of other programs have none."""
        state = checkpoint.get(_KEY, {})
        self.metrics = state.get("metrics", {})
        self._random_states = state.get("random_states")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Resume drawing random numbers where the killed job stopped."""
        if self._random_states is not None:
            _set_random_states(self._random_states)


def identity_of(checkpoint: Mapping[str, Any]) -> Any:
    """Return the identity of the job that wrote the checkpoint; None for another program's."""
    return checkpoint.get(_KEY, {}).get("identity")


def metrics_in(checkpoint: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics when the checkpoint was written; none for another program's."""
    return dict(checkpoint.get(_KEY, {}).get("metrics", {}))


def _random_states() -> dict[str, Any]:
    """Return the states as plain values and tensors, which can be read back without unpickling objects."""
    numpy_state = np.random.get_state(legacy=False)
    assert isinstance(numpy_state, dict)
    keys = numpy_state["state"]["key"].tolist()
    return {
        "python": random.getstate(),
        "numpy": {**numpy_state, "state": {**numpy_state["state"], "key": keys}},
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    }


def _set_random_states(states: Mapping[str, Any]) -> None:
    numpy_state = states["numpy"]
    key = np.array(numpy_state["state"]["key"], dtype=np.uint32)
    random.setstate(states["python"])
    np.random.set_state({**numpy_state, "state": {**numpy_state["state"], "key": key}})
    torch.set_rng_state(states["torch"])
    if states["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
