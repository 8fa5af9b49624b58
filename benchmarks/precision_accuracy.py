"""Accuracy and time of `trainer.precision=bf16-mixed` beside the default, over several seeds.

Each seed trains the default experiment with both, one after the other, as `train.py` does.

    python benchmarks/precision_accuracy.py [--quick] [overrides, such as trainer.gpus=1]

With --quick it is one seed and two epochs: what the precisions cost, and nothing of their accuracy.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from options import read_options

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


def main() -> None:
    options = read_options(__doc__, takes_overrides=True)
    seeds = SEEDS[:1] if options.quick else SEEDS
    overrides = [*(["trainer.max_epochs=2"] if options.quick else []), *options.overrides]
    accuracies: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    durations: dict[str, float] = dict.fromkeys(PRECISIONS, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        trained(folder, "trainer.fast_dev_run=true")  # makes the data
        for seed in seeds:
            for precision in PRECISIONS:
                settings = (f"seed={seed}", f"trainer.precision={precision}", *overrides)
                accuracy, seconds = trained(folder, *settings)
                accuracies[precision].append(accuracy)
                durations[precision] += seconds
                print(f"seed {seed}  {precision:12} accuracy {accuracy:.4f}  {seconds:6.1f} s", flush=True)
    print(f"bf16-mixed takes {durations['bf16-mixed'] / durations['32-true']:.2f} times as long as 32-true")
    if len(seeds) > 1:
        show_accuracies(accuracies)


def show_accuracies(accuracies: Mapping[str, Sequence[float]]) -> None:
    for precision, values in accuracies.items():
        spread = f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"
        print(f"mean and standard deviation, {precision:12} {spread}")
    differences = [b - a for a, b in zip(*accuracies.values(), strict=True)]
    spread = f"{statistics.mean(differences):+.4f} ± {statistics.stdev(differences):.4f}"
    print(f"difference, seed by seed                  {spread}")


if __name__ == "__main__":
    main()
