"""Checkpoints on their way to the disk, which a training does not wait for."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SECONDS_BETWEEN_WRITES = 3.0
"""The thread begins to write no more often: as much of a training a kill may take."""


class CheckpointWriter:
    """Writes checkpoints in a thread, in the order in which they were handed over.

    Of a file that is handed over again before it was written, the earlier content is left out. `save` writes
    one file. Its error, such as that of a full disk, is raised by the next `put` or `flush`.
    """

    def __init__(self, save: Callable[[dict[str, Any], Path], None]) -> None:
        self._save = save
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._waiting: dict[Path, _Snapshot] = {}
        self._being_written: dict[Path, _Snapshot] = {}
        self._is_hurried = False
        self._begun = -SECONDS_BETWEEN_WRITES
        self._error: Exception | None = None

    def put(self, checkpoint: dict[str, Any], path: Path) -> None:
        """Take the checkpoint as it is now; what it holds may change afterwards."""
        snapshot = _Snapshot(checkpoint)
        with self._changed:
            self._raise_error()
            self._waiting.pop(path, None)  # the order is that of the contents
            self._waiting[path] = snapshot
            if self._thread is None:
                # Not a daemon: a process that ends waits for it.
                self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=False)
                self._thread.start()

    def drop(self, path: Path) -> None:
        """Leave out what was to be written to the path; when this returns, nothing writes there."""
        with self._changed:
            self._waiting.pop(path, None)
            self._changed.wait_for(lambda: path not in self._being_written)

    def wait(self) -> Exception | None:
        """Have all that is waiting written at once; return the error that is still to be raised."""
        with self._changed:
            self._is_hurried = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting and not self._being_written)
            self._is_hurried = False
            return self._error

    def flush(self) -> None:
        """Have all that is waiting written at once; raise the error of what could not be."""
        self.wait()
        with self._changed:
            self._raise_error()

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self) -> None:
        while self._take():
            try:
                for path, snapshot in self._being_written.items():
                    self._save(snapshot.on_host(), path)
            except Exception as error:  # noqa: BLE001 - the training's thread raises it
                self._error = error
            with self._changed:
                self._being_written = {}
                self._changed.notify_all()

    def _take(self) -> bool:
        """Take what is waiting, once it is time; return whether there is anything, else the thread ends."""
        with self._changed:
            if self._waiting:
                seconds = self._begun + SECONDS_BETWEEN_WRITES - time.monotonic()
                self._changed.wait_for(lambda: self._is_hurried, timeout=max(0.0, seconds))
                self._begun = time.monotonic()
                self._being_written, self._waiting = self._waiting, {}
            if not self._being_written:
                self._thread = None
            return bool(self._being_written)


@cache
def _copy_stream(device: torch.device | None) -> Any:
    """Return the one stream of all copies: torch has a few dozen, and one more might be that of a capture."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class _Snapshot:
    """What a checkpoint held when this was made, its tensors copied where they lie: no GPU is waited for."""

    def __init__(self, checkpoint: dict[str, Any]) -> None:
        copies: dict[tuple[object, ...], Tensor] = {}

        def copied(tensor: Tensor) -> Tensor:
            # A state dict has a tensor of its own for each name that tied weights go by.
            view = (tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
            if tensor.numel() == 0:
                return tensor.detach().clone()
            if view not in copies:
                copies[view] = tensor.detach().clone()
            return copies[view]

        self._content = _with_tensors(checkpoint, copied)
        devices = [tensor.device for tensor in _tensors(self._content) if tensor.device.type == "cuda"]
        self._device = devices[0] if devices else None
        # torch's Event has no types.
        self._copied = torch.cuda.Event() if devices else None  # type: ignore[no-untyped-call]
        if self._copied is not None:
            self._copied.record(torch.cuda.current_stream(self._device))

    def on_host(self) -> dict[str, Any]:
        """Return it with all tensors on the CPU."""
        if self._copied is None:
            return self._content
        # On a stream of its own, so that this waits for the copies alone, not for the steps after them.
        with torch.cuda.stream(_copy_stream(self._device)):
            torch.cuda.current_stream().wait_event(self._copied)
            return _with_tensors(self._content, lambda tensor: tensor.to("cpu"))


def _with_tensors(content: dict[str, Any], change: Callable[[Tensor], Tensor]) -> dict[str, Any]:
    """Return a copy of the content, each tensor replaced by what `change` returns for it."""
    memo: dict[int, Any] = {id(tensor): change(tensor) for tensor in _tensors(content)}
    return copy.deepcopy(content, memo)


def _tensors(content: Any) -> Iterator[Tensor]:
    if isinstance(content, Tensor):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from _tensors(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _tensors(value)
