"""How checkpoints reach the disk: whole or not at all, and read without running what others have written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it, so that a kill at any instant leaves a whole one.

    Lightning's own way writes in the system's folder for temporary files; from there to another disk a file
    is copied, and a kill meanwhile leaves half of it in the place of the last one.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write the checkpoint to `path`, a local file, also against a power cut."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        with draft.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


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
