"""What a job prints goes into its folder, rather than between the sweep's lines or into an engine's logs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OUTPUT_NAME = "output.log"


@contextmanager
def output_in(folder: Path) -> Iterator[None]:
    """Append what this process and its children print meanwhile to `output.log` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _flush()
    before = os.dup(1), os.dup(2)
    with (folder / OUTPUT_NAME).open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    try:
        yield
    finally:
        _flush()
        for number, saved in zip((1, 2), before, strict=True):
            os.dup2(saved, number)
            os.close(saved)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
