"""The entry point that is tested, and the type of the fixture that runs it."""

import subprocess
from pathlib import Path
from typing import Protocol

TRAIN = Path(__file__).parents[2] / "train.py"


class Train(Protocol):
    """Runs train.py with these arguments, in an empty folder unless it is given one."""

    def __call__(self, *arguments: str, folder: Path = ...) -> subprocess.CompletedProcess[str]: ...
