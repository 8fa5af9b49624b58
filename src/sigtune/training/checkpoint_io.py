"""How checkpoints reach the disk: whole or not at all, and read without running what others have written."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO

log = logging.getLogger(__name__)

_HYPER_PARAMETERS = ("hyper_parameters", "datamodule_hyper_parameters")
# The class of hyper-parameters that are no plain mapping, by the names that Lightning has for it.
_CONTAINERS = ("hparams_type", "datamodule_hparams_type")
_PLAIN = (bool, int, float, str, bytes, type(None), torch.Tensor, torch.dtype, torch.device, torch.Size)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it, so that a kill at any instant leaves a whole one.

    Lightning's own way writes in the system's folder for temporary files; from there to another disk a file
    is copied, and a kill meanwhile leaves half of it in the place of the last one.

    Of hyper-parameters it writes those that `read_checkpoint` reads again. A network, or what makes an
    optimizer, is code there: the config of the job, which names it, is in the checkpoint instead.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: Collection[str] = ()

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write the checkpoint to `path`, a local file, also against a power cut."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        with draft.open("wb") as file:
            torch.save(self._with_plain_hyper_parameters(checkpoint), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def _with_plain_hyper_parameters(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        written = {name: part for name, part in checkpoint.items() if name not in _CONTAINERS}
        left_out: list[str] = []
        for part in _HYPER_PARAMETERS:
            values = checkpoint.get(part) or {}
            left_out += [str(name) for name, value in values.items() if not _is_plain(value)]
            if part in checkpoint:
                written[part] = {name: value for name, value in values.items() if _is_plain(value)}
        if left_out and left_out != self._told:
            what = "checkpoints are without these hyper-parameters, which are not plain values"
            log.info("%s: %s; load_from_checkpoint takes them as arguments", what, ", ".join(left_out))
        self._told = left_out
        return written


def _is_plain(value: Any) -> bool:
    """Return whether torch reads the value without running code; a subclass of a plain type has some."""
    if type(value) is dict:
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if type(value) in (list, tuple, set) else type(value) in _PLAIN


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return what the file holds, tensors on the CPU; None where it is not a checkpoint.

    Only tensors and plain values are read: a file that wants to run code is not a checkpoint.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001 - torch raises whatever the bytes make it stumble over
        return None
    parts = {"epoch", "state_dict", "loops", "optimizer_states", "lr_schedulers"}
    return content if isinstance(content, dict) and parts <= content.keys() else None
