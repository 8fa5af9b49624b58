"""What makes the host wait for a GPU in a training step, found on any device: values that it asks for."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Each of these needs the device's answer before the host can go on.
WAITING = {
    *("aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::equal"),
    *("aten::nonzero", "aten::masked_select", "aten::_unique2", "aten::unique_dim"),
}


class Waits(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operation that a host would wait for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []
        self.operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.operations += 1
        if func.name().partition(".")[0] in WAITING:
            self.found.append(func.name())
        return func(*args, **(kwargs or {}))


class CountWaits(pl.Callback):
    """Notes the waits in steps 2 to 20 of the second epoch; `last` is the one of the training before."""

    FIRST, LAST = 1, 19
    last: "CountWaits"

    def __init__(self) -> None:
        self.waits = Waits()
        self.steps = 0
        CountWaits.last = self

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.current_epoch == 1 and batch_idx == self.FIRST:
            self.waits.__enter__()  # type: ignore[no-untyped-call]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.current_epoch == 1 and self.FIRST <= batch_idx <= self.LAST:
            self.steps += 1
            if batch_idx == self.LAST:
                self.waits.__exit__(None, None, None)  # type: ignore[no-untyped-call]


def asks_for_a_value() -> list[str]:
    """Return what is found of a value that is asked for."""
    waits = Waits()
    with waits:
        float(torch.ones(3).sum())
    return waits.found


class KeepPlaces(pl.Callback):
    """Asserts that the state of network and optimizer stays at its addresses from the first step on."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        state = pl_module.state_dict(keep_vars=True)
        for number, of_parameter in enumerate(trainer.optimizers[0].state.values()):
            state |= {
                f"{number}.{name}": value
                for name, value in of_parameter.items()
                if isinstance(value, torch.Tensor)
            }
        places = {name: tensor.data_ptr() for name, tensor in state.items()}
        self._places = self._places or places
        assert places == self._places
