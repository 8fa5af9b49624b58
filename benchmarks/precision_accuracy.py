"""Accuracy and time of `trainer.precision=bf16-mixed` beside the default, over several seeds.

Each seed trains the default experiment with both, one after the other, as `train.py` does.

    python benchmarks/precision_accuracy.py [overrides, such as trainer.gpus=1]
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

TRAIN = Path(__file__).resolve().parent.parent / "train.py"
SEEDS = range(3)
PRECISIONS = ("32-true", "bf16-mixed")


def trained(folder: str, *overrides: str) -> tuple[float, float]:
    """Return the accuracy of the last epoch, and the seconds of the whole process."""
    start = time.perf_counter()
    command = [sys.executable, str(TRAIN), "experiment=sparse_cnn_onecyclelr", *overrides]
    ended = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    found = re.search(r"mean_accuracy ([0-9.]+)", ended.stdout)
    assert found is not None
    return float(found[1]), time.perf_counter() - start


def main(overrides: Sequence[str]) -> None:
    accuracies: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    with tempfile.TemporaryDirectory() as folder:
        trained(folder, "trainer.fast_dev_run=true")  # makes the data
        for seed in SEEDS:
            for precision in PRECISIONS:
                settings = (f"seed={seed}", f"trainer.precision={precision}", *overrides)
                accuracy, seconds = trained(folder, *settings)
                accuracies[precision].append(accuracy)
                print(f"seed {seed}  {precision:12} accuracy {accuracy:.4f}  {seconds:6.1f} s", flush=True)
    for precision, values in accuracies.items():
        spread = f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"
        print(f"mean and standard deviation, {precision:12} {spread}")
    differences = [b - a for a, b in zip(*accuracies.values(), strict=True)]
    spread = f"{statistics.mean(differences):+.4f} ± {statistics.stdev(differences):.4f}"
    print(f"difference, seed by seed                  {spread}")


if __name__ == "__main__":
    main(sys.argv[1:])
