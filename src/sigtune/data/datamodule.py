"""The data sets of spoken words as Lightning data modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from sigtune.data.augmentation import Augmentation, AugmentationSettings
from sigtune.data.batches import BatchSizes, EvaluationBatches, TrainBatches, evaluation_images
from sigtune.data.clip_memory import place_clips
from sigtune.data.commands import CommandSource, Recordings, SplitName, task_of
from sigtune.data.front_end import FRONT_ENDS, FrontEnd
from sigtune.data.speech_commands import SpeechCommands
from sigtune.data.synthetic_commands import SyntheticCommands
from sigtune.errors import Problem, UsageError, nearest


@dataclass(frozen=True)
class BatchSettings:
    """The sizes of the batches, and the seed of the training's order and augmentation.

    Training clips that take more than the share `resident_memory_fraction` of the device's free memory are
    streamed to it, batch by batch.
    """

    sizes: BatchSizes
    seed: int
    resident_memory_fraction: float

    def problems(self) -> list[Problem]:
        """Return what is wrong with them."""
        sizes = {"batch_size": self.sizes.size, "first_epoch_batch_size": self.sizes.first_epoch}
        found = [
            Problem(f"data.{name}", f"{size} is too small", "1 or more")
            for name, size in sizes.items()
            if size is not None and size < 1
        ]
        if self.seed < 0:
            found.append(Problem("data.seed", f"{self.seed} is negative", "0 or more"))
        if not 0 <= self.resident_memory_fraction <= 1:
            what = f"{self.resident_memory_fraction} is not a share of the free memory"
            found.append(Problem("data.resident_memory_fraction", what, "0 (always stream) to 1"))
        return found


@dataclass(frozen=True)
class Hearing:
    """How clips are heard: the front end, what makes a task of them, and what training is changed by.

    `evaluation` is drawn once for validation and test, from `evaluation_seed`, so that their figures compare
    between runs whatever the training's seed. `training` is drawn afresh every epoch.
    """

    front_end: str
    evaluation: AugmentationSettings
    evaluation_seed: int
    training: AugmentationSettings

    def problems(self) -> list[Problem]:
        """Return what is wrong with it."""
        found = self.evaluation.problems("data") + self.training.problems("data.augmentation")
        if self.front_end not in FRONT_ENDS:
            remedy = nearest(self.front_end, FRONT_ENDS)
            found.append(Problem(f"data.front_end={self.front_end}", "no such front end", remedy))
        return found


class CommandsDataModule(pl.LightningDataModule):
    """Any source of spoken words as batches of images, made on the device that trains.

    `device` is used where there is no trainer to ask. Raises UsageError, with a problem for each setting that
    is wrong.
    """

    def __init__(
        self,
        source: CommandSource,
        batches: BatchSettings,
        hearing: Hearing,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__()
        if problems := batches.problems() + hearing.problems():
            raise UsageError(problems)
        self.source = source
        self.class_names = source.task.class_names
        self.num_classes = len(self.class_names)
        self.batches = batches
        self.hearing = hearing
        self.device = torch.device(device)
        self._loaders: dict[SplitName, TrainBatches | EvaluationBatches] = {}

    def prepare_data(self) -> None:
        """Make or fetch the data set; Lightning calls it in one process of each machine."""
        self.source.prepare()

    def setup(self, stage: str) -> None:
        """Put the splits that the stage needs ("fit", "validate" or "test") on the training device."""
        if self.trainer is not None:
            self.device = self.trainer.strategy.root_device
        needed: dict[str, tuple[SplitName, ...]] = {
            "fit": ("train", "validation"),
            "validate": ("validation",),
            "test": ("test",),
        }
        for split in needed.get(stage, ()):
            if split not in self._loaders:
                recordings = self.source.load(split)
                is_train = split == "train"
                self._loaders[split] = self._train(recordings) if is_train else self._evaluation(recordings)

    def train_dataloader(self) -> TrainBatches:
        """Return the training batches: shuffled, augmented, all clips once an epoch.

        Lightning takes their number from them: where the first epoch has another, it asks again in each.
        """
        loader = self._loaders["train"]
        assert isinstance(loader, TrainBatches)
        if self.trainer is not None and self.batches.sizes.first_epoch is not None:
            self.trainer.reload_dataloaders_every_n_epochs = 1  # type: ignore[attr-defined]  # set elsewhere
            loader.sampler.set_epoch(self.trainer.current_epoch)
        return loader

    def val_dataloader(self) -> EvaluationBatches:
        """Return the validation batches, the same in every epoch."""
        loader = self._loaders["validation"]
        assert isinstance(loader, EvaluationBatches)
        return loader

    def test_dataloader(self) -> EvaluationBatches:
        """Return the test batches, the same in every epoch."""
        loader = self._loaders["test"]
        assert isinstance(loader, EvaluationBatches)
        return loader

    def noisy_test_dataloader(self, level: float) -> EvaluationBatches:
        """Return the test batches with white noise blended into the recordings: see `evaluation_images`."""
        return self._evaluation(self.source.load("test"), level)

    def _train(self, recordings: Recordings) -> TrainBatches:
        loader = TrainBatches(
            place_clips(recordings.waveforms, self.device, self.batches.resident_memory_fraction),
            torch.from_numpy(recordings.targets).to(self.device),
            augmentation=self._augmentation(self.hearing.training, recordings),
            front_end=self._front_end(),
            sizes=self.batches.sizes,
            seed=self.batches.seed,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )
        if self.batches.sizes.largest > loader.clips and self.batches.sizes.drop_last:
            what = f"{loader.clips} training clips fill no batch of {self.batches.sizes.largest}"
            raise UsageError(
                [Problem("data.drop_last=true", what, f"data.batch_size={loader.clips} or less")]
            )
        return loader

    def _evaluation(self, recordings: Recordings, white_noise: float = 0.0) -> EvaluationBatches:
        images = evaluation_images(
            torch.from_numpy(recordings.waveforms),
            self._augmentation(self.hearing.evaluation, recordings),
            self._front_end(),
            self.hearing.evaluation_seed,
            white_noise,
        )
        targets = torch.from_numpy(recordings.targets).to(self.device)
        return EvaluationBatches(images, targets, self.batches.sizes.size)

    def _front_end(self) -> FrontEnd:
        return FRONT_ENDS[self.hearing.front_end]().to(self.device)

    def _augmentation(self, settings: AugmentationSettings, recordings: Recordings) -> Augmentation:
        noise = torch.from_numpy(recordings.noise)
        return Augmentation(settings, noise if settings.snr_db is None else noise.to(self.device))


class SyntheticCommandsDataModule(CommandsDataModule):
    """Words spoken by eSpeak NG.

    The arguments are the keys of a config under `data`: SyntheticCommandsConfig has their defaults.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        words: Sequence[str],
        unknown: bool,
        silence: str,
        train_voices: float,
        train_size: int,
        validation_size: int,
        test_size: int,
        data_seed: int,
        batch_size: int,
        first_epoch_batch_size: int | None,
        drop_last: bool,
        seed: int,
        front_end: str,
        snr_db: float | None,
        max_shift_ms: float,
        augmentation: Mapping[str, Any],
        resident_memory_fraction: float,
        device: str | torch.device = "cpu",
    ) -> None:
        sizes: dict[SplitName, int] = {"train": train_size, "validation": validation_size, "test": test_size}
        evaluation = AugmentationSettings(snr_db, max_shift_ms)
        super().__init__(
            SyntheticCommands(data_dir, task_of(words, unknown, silence), sizes, data_seed, train_voices),
            BatchSettings(
                BatchSizes(batch_size, first_epoch_batch_size, drop_last), seed, resident_memory_fraction
            ),
            Hearing(front_end, evaluation, data_seed, AugmentationSettings(**augmentation)),
            device=device,
        )


class SpeechCommandsDataModule(CommandsDataModule):
    """Google Speech Commands.

    The arguments are the keys of a config under `data`: SpeechCommandsConfig has their defaults.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        words: Sequence[str],
        unknown: bool,
        silence: str,
        padding: str,
        root: str | Path | None,
        version: str,
        url: str | None,
        sha256: str | None,
        data_seed: int,
        batch_size: int,
        first_epoch_batch_size: int | None,
        drop_last: bool,
        seed: int,
        front_end: str,
        snr_db: float | None,
        max_shift_ms: float,
        augmentation: Mapping[str, Any],
        resident_memory_fraction: float,
        device: str | torch.device = "cpu",
    ) -> None:
        task = task_of(words, unknown, silence)
        evaluation = AugmentationSettings(snr_db, max_shift_ms)
        super().__init__(
            SpeechCommands(
                data_dir,
                task,
                padding=padding,
                version=version,
                seed=data_seed,
                root=root,
                url=url,
                sha256=sha256,
            ),
            BatchSettings(
                BatchSizes(batch_size, first_epoch_batch_size, drop_last), seed, resident_memory_fraction
            ),
            Hearing(front_end, evaluation, data_seed, AugmentationSettings(**augmentation)),
            device=device,
        )
