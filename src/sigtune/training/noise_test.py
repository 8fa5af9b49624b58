"""The noise test of "How Can We Be So Dense?" (arXiv 1903.11257): accuracy under growing white noise."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pytorch_lightning as pl
import torch
from torch import Tensor

log = logging.getLogger(__name__)

METRIC = "test_accuracy"
"""What a module's test_step logs to take part."""


@runtime_checkable
class HasNoisyTest(Protocol):
    """A data module that adds the noise itself, before it makes inputs of what was recorded."""

    def noisy_test_dataloader(self, level: float) -> Iterable[Any]:
        """Return the test batches with white noise blended in: (1 - level)·x + level·noise."""
        ...


@dataclass(frozen=True)
class NoiseResult:
    """How many of the test set's samples were classified correctly at one level of noise."""

    level: float
    correct: int
    samples: int

    @property
    def accuracy(self) -> float:
        """The share of them."""
        return self.correct / self.samples


def noise_score(results: Sequence[NoiseResult]) -> int:
    """Return the correct classifications of all levels together, as the paper counts them."""
    return sum(result.correct for result in results)


class SampleCount(pl.Callback):
    """Counts the samples of a test's batches, (inputs, targets)."""

    def __init__(self) -> None:
        self.samples = 0

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin again."""
        self.samples = 0

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count those of a batch."""
        self.samples += len(batch[1])


class NoisyInputs:
    """The batches of a loader with noise in their inputs, for data that does not add it itself.

    Of each sample x, (N, ...), (1 - level)·x + level·noise is given, the noise uniform within ± max|x|. Equal
    seeds give equal noise.
    """

    def __init__(self, loader: Iterable[Any], level: float, seed: int) -> None:
        self.loader = loader
        self.level = level
        self.seed = seed

    def __iter__(self) -> Iterator[Any]:
        generator = torch.Generator().manual_seed(self.seed)
        for inputs, *others in self.loader:
            yield self._noisy(inputs, generator), *others

    def _noisy(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.rand(inputs.shape, generator=generator).to(inputs) * 2 - 1
        scale = inputs.abs().flatten(1).amax(dim=1).reshape(-1, *[1] * (inputs.dim() - 1))
        return torch.lerp(inputs, noise * scale, self.level)


def noise_test(
    trainer: pl.Trainer,
    module: pl.LightningModule,
    data: pl.LightningDataModule | None,
    levels: Sequence[float],
    seed: int,
) -> list[NoiseResult]:
    """Test the module, which the trainer has tested on the data, at each level of noise.

    None where its test_step logs no `test_accuracy`. The trainer has a SampleCount among its callbacks.
    """
    if METRIC not in trainer.callback_metrics:
        log.info("no noise test: the module logs no %s", METRIC)
        return []
    (count,) = (one for one in trainer.callbacks if isinstance(one, SampleCount))  # type: ignore[attr-defined]
    results = []
    for level in levels:
        trainer.test(module, dataloaders=_noisy_loader(module, data, level, seed), verbose=False)
        correct = round(float(trainer.callback_metrics[METRIC]) * count.samples)
        result = NoiseResult(level, correct, count.samples)
        log.info("noise %.2f  accuracy %.4f  %d of %d", level, result.accuracy, correct, count.samples)
        results.append(result)
    return results


def _noisy_loader(
    module: pl.LightningModule, data: pl.LightningDataModule | None, level: float, seed: int
) -> Iterable[Any]:
    if isinstance(data, HasNoisyTest):
        return data.noisy_test_dataloader(level)
    return NoisyInputs((data or module).test_dataloader(), level, seed)


def write_results(results: Sequence[NoiseResult], folder: Path) -> None:
    """Write noise.csv into the folder, and the plot noise.png where matplotlib is installed."""
    with (folder / "noise.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["level", "correct", "samples", "accuracy"])
        writer.writerows([one.level, one.correct, one.samples, one.accuracy] for one in results)
    if find_spec("matplotlib") is None:
        log.info("no plot of noise.csv: pip install 'sigtune[report]'")
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([one.level for one in results], [one.accuracy for one in results], marker="o")
    axes.set(xlabel="white noise", ylabel="test accuracy", ylim=(0, 1))
    axes.grid(visible=True)
    figure.savefig(folder / "noise.png")
