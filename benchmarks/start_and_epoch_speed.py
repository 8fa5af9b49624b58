"""Print how long creating an experiment takes as a whole process, and an epoch of the default experiment.

python benchmarks/start_and_epoch_speed.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRAIN = Path(__file__).parent.parent / "train.py"
REPEATS = 3


def seconds(folder: str, *arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, str(TRAIN), *arguments], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        create = min(seconds(folder, "sigopt.create=true") for _ in range(REPEATS))
        python = min(seconds_of_python() for _ in range(REPEATS))
        print(f"cores {os.cpu_count()}, best of {REPEATS} runs")
        print(f"sigopt.create=true, whole process   {create:.2f} s (Python alone {python:.2f} s)")
        seconds(folder, "trainer.max_epochs=1")  # makes the data
        short = min(seconds(folder, "trainer.max_epochs=1") for _ in range(REPEATS))
        long = min(seconds(folder, "trainer.max_epochs=4") for _ in range(REPEATS))
        print(f"an epoch of sparse_cnn_onecyclelr   {(long - short) / 3:.2f} s")
        print(f"its start-up and first epoch        {short:.2f} s")


def seconds_of_python() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
