"""Several GPUs of this machine, a process for each: what a process raises, its parent raises too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.multiprocessing as mp
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.strategies.launchers.multiprocessing import _MultiProcessingLauncher
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from sigtune.errors import JobStoppedError, UnwritableFileError, UsageError
from sigtune.training.checkpoint_io import BackgroundCheckpointIO
from sigtune.training.classifier import DivergedError

_TOLD = (JobStoppedError, UsageError, UnwritableFileError, DivergedError)
"""The errors that a job's end depends on. Of any other the parent has the traceback, as text."""


class SpawnedDDP(DDPStrategy):
    """DDP over processes that are spawned: plain DDP would start the command line once more for each."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(start_method="spawn", **settings)

    def _configure_launcher(self) -> None:
        self._launcher = _TellingLauncher(self, start_method="spawn")


class _TellingLauncher(_MultiProcessingLauncher):
    """Lightning's, whose own `launch` raises ProcessRaisedException, a text, whatever a process raised."""

    _errors: Any = None

    def launch(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run the function in each process; raise the first error of those that a job's end depends on."""
        self._errors = mp.get_context("spawn").SimpleQueue()
        try:
            return super().launch(function, *args, **kwargs)
        except (ProcessRaisedException, ProcessExitedException) as raised:
            if self._errors.empty():
                raise
            error: Exception = self._errors.get()
            raise error from raised
        finally:
            self._errors = None

    def _wrapping_function(self, *args: Any) -> None:
        io = self._strategy.checkpoint_io
        assert isinstance(io, BackgroundCheckpointIO)
        try:
            _stopping_at_sigterm(super()._wrapping_function, *args)
            io.flush()
        except _TOLD as error:
            self._errors.put(error)
            raise
        finally:
            io.teardown()  # Lightning does this in the parent alone


def _stopping_at_sigterm(function: Callable[..., None], *args: Any) -> None:
    try:
        function(*args)
    except SIGTERMException as error:  # a SystemExit: the parent would take it for a success
        raise JobStoppedError("SIGTERM") from error
