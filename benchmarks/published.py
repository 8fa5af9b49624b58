"""Accuracy and noise score of the dense, the sparse and the super-sparse network, beside the paper's table.

Each network is trained by `train.py` on the synthetic digits with three seeds, and tested by
`train.py --config-name evaluate`: the size of the published test set and its noise test, so that noise scores
are on the scale of "How Can We Be So Dense?" (arXiv 1903.11257). The clips are spoken by eSpeak NG.

A line of JSON is appended for every finished training, and those of the same settings are not trained again:
an interrupted benchmark is continued by the same command.

    python benchmarks/published.py [--quick] [--epochs 30] [--seeds 3] [--networks sparse ...]
                                      [--overrides scheduler.max_lr=0.5 ...] [--results FILE]
"""

from __future__ import annotations

import csv
import datetime
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from options import option_parser

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results" / "published.jsonl"
EXPERIMENTS = {
    "dense": "dense_cnn_onecyclelr",
    "sparse": "sparse_cnn_onecyclelr",
    "super-sparse": "super_sparse_cnn_onecyclelr",
}
PAPER = {
    "dense": ("96.37 ± 0.37", "8,730"),
    "sparse": ("96.65 ± 0.21", "11,233"),
    "super-sparse": ("", ""),
}
"""Test accuracy in per cent and noise score of the paper's table; the super-sparse network is not in it."""


@dataclass(frozen=True)
class Result:
    """One finished training, and what it was trained with."""

    network: str
    seed: int
    epochs: int
    overrides: list[str]
    date: str
    validation_accuracy: float
    test_accuracy: float
    noise_score: int
    noise_correct: list[int]

    def is_of(self, network: str, seed: int, epochs: int, overrides: Sequence[str]) -> bool:
        """Return whether it is the result of these settings."""
        return (self.network, self.seed, self.epochs) == (network, seed, epochs) and self.overrides == [
            *overrides
        ]


def main() -> None:
    parser = option_parser(__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--networks", nargs="+", choices=[*EXPERIMENTS], default=[*EXPERIMENTS])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data")
    parser.add_argument("--overrides", nargs="+", default=[], help="of train.py")
    given = parser.parse_args()
    epochs, seeds = (1, 1) if given.quick else (given.epochs, given.seeds)
    overrides = [*given.overrides, *(["data.train_size=440", "data.test_size=220"] if given.quick else [])]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quick.jsonl" if given.quick else given.results
        for seed in range(seeds):  # a seed of every network first: a part of it compares already
            for network in given.networks:
                if not any(one.is_of(network, seed, epochs, overrides) for one in read(path)):
                    result = run(network, seed, epochs, overrides, given.data_dir)
                    append(path, result)
                    print(
                        f"{network:13}seed {seed}  {result.test_accuracy:.4f}  {result.noise_score}",
                        flush=True,
                    )
        show([one for one in read(path) if one.epochs == epochs and one.overrides == overrides])


def run(network: str, seed: int, epochs: int, overrides: Sequence[str], data_dir: Path) -> Result:
    """Train and test once, as a user does, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        train(
            f"experiment={EXPERIMENTS[network]}",
            *(f"seed={seed}", f"trainer.max_epochs={epochs}", f"data_dir={data_dir}"),
            *(f"hydra.run.dir={folder}/training", *overrides),
        )
        checkpoint = f"checkpoint={folder}/training/checkpoints/last.ckpt"
        train("--config-name", "evaluate", checkpoint, f"hydra.run.dir={folder}/test")
        noise = rows(Path(folder) / "test" / "noise.csv")
        accuracies = [
            row["mean_accuracy"] for row in rows(Path(folder) / "training" / "metrics" / "metrics.csv")
        ]
    correct = [int(row["correct"]) for row in noise]
    return Result(
        network=network,
        seed=seed,
        epochs=epochs,
        overrides=[*overrides],
        date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        validation_accuracy=float([accuracy for accuracy in accuracies if accuracy][-1]),
        test_accuracy=correct[0] / int(noise[0]["samples"]),
        noise_score=sum(correct),
        noise_correct=correct,
    )


def train(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *arguments], check=True, stdout=subprocess.DEVNULL
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def read(path: Path) -> list[Result]:
    if not path.exists():
        return []
    return [Result(**json.loads(line)) for line in path.read_text().splitlines()]


def append(path: Path, result: Result) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def show(results: Sequence[Result]) -> None:
    """Print the table: mean ± standard deviation over the seeds."""
    by_network: Mapping[str, list[Result]] = {
        network: [one for one in results if one.network == network] for network in EXPERIMENTS
    }
    print(f"\n{'':14}{'test accuracy, %':>20}{'noise score':>18}{'the paper, %':>18}{'noise score':>14}")
    for network, trained in by_network.items():
        accuracy = spread([100 * one.test_accuracy for one in trained], 2)
        score = spread([one.noise_score for one in trained], 0)
        print(f"{network:14}{accuracy:>20}{score:>18}{PAPER[network][0]:>18}{PAPER[network][1]:>14}")


def spread(values: Sequence[float], digits: int) -> str:
    deviation = f" ± {statistics.stdev(values):,.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):,.{digits}f}{deviation}" if values else "not run"


if __name__ == "__main__":
    main()
