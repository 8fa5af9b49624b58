"""Import what suggestions are computed with while the workers start, so that no slot waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sigtune.tuning.block import SearchBlock
from sigtune.tuning.connection import load_models, load_space_filling

# While a machine starts its workers, its cores are theirs: the first suggestions need no model.
_WORKERS_START_SECONDS = 5.0


@contextmanager
def loading_optimizer(block: SearchBlock) -> Iterator[None]:
    """Import in a thread what the first suggestions need, and some seconds later what the others do.

    The import is over before this is: one that goes on while the interpreter exits fails.
    """
    definition = block.definition
    if (definition.get("parallel_bandwidth") or 1) == 1 or definition.get("type", "offline") != "offline":
        yield
        return
    is_over = threading.Event()

    def load() -> None:
        with suppress(ModuleNotFoundError):  # the suggestion that needs it names the extra
            load_space_filling(block.backend)
            if not is_over.wait(_WORKERS_START_SECONDS):
                load_models(block.backend, definition.get("observation_budget"))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
