"""How checkpoints reach the disk: whole or not at all, and read without running what others have written."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO

from sigtune.errors import UnwritableFileError
from sigtune.training.checkpoint_writer import CheckpointWriter

if TYPE_CHECKING:
    import pytorch_lightning as pl

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
        """Write the checkpoint to `path`, a local file, also against a power cut.

        Raises UnwritableFileError where it cannot be written, as on a full disk.
        """
        _write(self._with_plain_hyper_parameters(checkpoint), Path(path))

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


class BackgroundCheckpointIO(AtomicCheckpointIO):
    """The same for a file that is not there yet; one that is there is replaced by a thread, a little later.

    So a training of short epochs does not wait for the disk after each of them. What is waiting is written
    when a checkpoint is read and at the end of a training, however it ends; a kill takes the last
    SECONDS_BETWEEN_WRITES or so.
    """

    def __init__(self) -> None:
        super().__init__()
        self._writer: CheckpointWriter | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_writer": None}  # on its way into another process, which has its own

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write it, or hand it over; raises UnwritableFileError for what was handed over before, too."""
        path = Path(path)
        if not path.exists():  # callbacks look for free names, and a job's first checkpoint is worth most
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        if self._writer is None:
            self._writer = CheckpointWriter(_write)
        self._writer.put(self._with_plain_hyper_parameters(checkpoint), path)

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read a checkpoint, after all that is waiting was written."""
        self.flush()
        return super().load_checkpoint(*args, **kwargs)

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove the file, and what was to be written to it."""
        if self._writer is not None:
            self._writer.drop(Path(path))
        super().remove_checkpoint(path)

    def flush(self) -> None:
        """Write what is waiting; raises UnwritableFileError where that cannot be done."""
        if self._writer is not None:
            self._writer.flush()

    def teardown(self) -> None:
        """Write what is waiting; an error is told, and raised by `flush`: a training may be ending in one."""
        if self._writer is not None and (error := self._writer.wait()) is not None:
            log.error("the last checkpoint is not the one of the last epoch: %s", error)


def flush_checkpoints(trainer: pl.Trainer) -> None:
    """Write what is waiting; raises UnwritableFileError where that cannot be done, or could not."""
    io = trainer.strategy.checkpoint_io
    assert isinstance(io, BackgroundCheckpointIO)
    io.flush()


def _write(checkpoint: dict[str, Any], path: Path) -> None:
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except (OSError, RuntimeError) as error:
        if (reason := _os_error(error)) is None:
            raise
        raise UnwritableFileError(path, reason) from error


def _os_error(error: BaseException | None) -> OSError | None:
    """Return the system's error: torch raises one of its own as it closes what could not be written."""
    while error is not None and not isinstance(error, OSError):
        error = error.__context__
    return error


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
