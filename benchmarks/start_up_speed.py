"""How long each command takes to do its work, as a whole process, and how much memory at its peak.

The fastest of several runs counts. The training is one batch of training and one of validation, its data made
before: all but the training itself.

    python benchmarks/start_up_speed.py [--quick]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from options import read_options

TRAIN = str(Path(__file__).resolve().parent.parent / "train.py")
REPEATS = 5
COMMANDS = {
    "python alone": ["-c", "pass"],
    "python train.py --help": [TRAIN, "--help"],
    "python train.py --cfg job": [TRAIN, "--cfg", "job"],
    "python train.py sigopt.create=true": [TRAIN, "sigopt.create=true"],
    "python train.py, one batch": [TRAIN, "trainer.fast_dev_run=true"],
}


def seconds_and_bytes(folder: str, arguments: Sequence[str]) -> tuple[float, int]:
    """Return how long the process runs, and the most memory that it holds at once."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    assert process.stderr is not None
    if status:
        sys.exit(process.stderr.read().decode())
    process.stderr.close()
    process.returncode = 0
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    repeats = 2 if read_options(__doc__).quick else REPEATS
    with tempfile.TemporaryDirectory() as folder:
        seconds_and_bytes(folder, COMMANDS["python train.py, one batch"])  # makes the data
        print(f"cores {os.cpu_count()}, the fastest of {repeats} runs, and how many times Python's own start")
        python_alone, _ = fastest(folder, COMMANDS["python alone"], repeats)
        for name, arguments in COMMANDS.items():
            seconds, memory = fastest(folder, arguments, repeats)
            print(f"  {name:38}{seconds:6.2f} s{seconds / python_alone:7.1f} ×{memory / 1e6:8.0f} MB")


def fastest(folder: str, arguments: Sequence[str], repeats: int) -> tuple[float, int]:
    return min(seconds_and_bytes(folder, arguments) for _ in range(repeats))


if __name__ == "__main__":
    main()
