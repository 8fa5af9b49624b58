"""The two data sets as Lightning data modules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as pl
import torch

from sigtune.data.batches import Augmentation, EvaluationBatches, TrainBatches, evaluation_images
from sigtune.data.clip_memory import place_clips
from sigtune.data.commands import CLASS_NAMES, SAMPLE_RATE, CommandSource, Recordings, SplitName
from sigtune.data.log_mel import BackgroundNoise, LogMelSpectrogram, TimeShift
from sigtune.data.speech_commands import SpeechCommands
from sigtune.data.synthetic_commands import SyntheticCommands
from sigtune.errors import Problem, UsageError


@dataclass(frozen=True)
class AugmentationSettings:
    """How hard the clips are made: `snr_db` of the added noise (None: none) and the largest time shift."""

    snr_db: float | None
    max_shift_ms: float

    def problems(self) -> list[Problem]:
        """Return what is wrong with them."""
        if 0 <= self.max_shift_ms < 1000:
            return []
        what = f"{self.max_shift_ms} does not fit a clip of 1 s"
        return [Problem("data.max_shift_ms", what, "0 to 999")]


@dataclass(frozen=True)
class BatchSettings:
    """The size of the batches, and the seed of the training's order and augmentation.

    Training clips that take more than the share `resident_memory_fraction` of the device's free memory are
    streamed to it, batch by batch.
    """

    batch_size: int
    seed: int
    resident_memory_fraction: float

    def problems(self) -> list[Problem]:
        """Return what is wrong with them."""
        found = []
        if self.batch_size < 1:
            found.append(Problem("data.batch_size", f"{self.batch_size} is too small", "1 or more"))
        if self.seed < 0:
            found.append(Problem("data.seed", f"{self.seed} is negative", "0 or more"))
        if not 0 <= self.resident_memory_fraction <= 1:
            what = f"{self.resident_memory_fraction} is not a share of the free memory"
            found.append(Problem("data.resident_memory_fraction", what, "0 (always stream) to 1"))
        return found


class CommandsDataModule(pl.LightningDataModule):
    """Any source of spoken commands as batches of log-mel images, made on the device that trains.

    `augmentation` is drawn afresh every epoch for training. `evaluation_augmentation` is drawn once for
    validation and test, from `evaluation_seed`, so that their figures compare between runs whatever the
    training's seed; None leaves the clips as they are. `device` is used where there is no trainer to ask.
    Raises UsageError, with a problem for each setting that is wrong.
    """

    num_classes = len(CLASS_NAMES)
    class_names = CLASS_NAMES

    def __init__(
        self,
        source: CommandSource,
        batches: BatchSettings,
        augmentation: AugmentationSettings,
        evaluation_augmentation: AugmentationSettings | None,
        evaluation_seed: int,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__()
        if problems := batches.problems() + augmentation.problems():
            raise UsageError(problems)
        self.source = source
        self.batches = batches
        self.augmentation = augmentation
        self.evaluation_augmentation = evaluation_augmentation
        self.evaluation_seed = evaluation_seed
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
        """Return the training batches: shuffled, augmented, all clips once an epoch."""
        loader = self._loaders["train"]
        assert isinstance(loader, TrainBatches)
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

    def _train(self, recordings: Recordings) -> TrainBatches:
        return TrainBatches(
            place_clips(recordings.waveforms, self.device, self.batches.resident_memory_fraction),
            torch.from_numpy(recordings.targets).to(self.device),
            augmentation=self._augmentation(self.augmentation, recordings),
            front_end=LogMelSpectrogram().to(self.device),
            batch_size=self.batches.batch_size,
            seed=self.batches.seed,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )

    def _evaluation(self, recordings: Recordings) -> EvaluationBatches:
        settings = self.evaluation_augmentation
        images = evaluation_images(
            torch.from_numpy(recordings.waveforms),
            self._augmentation(settings, recordings) if settings else None,
            LogMelSpectrogram().to(self.device),
            self.evaluation_seed,
        )
        return EvaluationBatches(
            images, torch.from_numpy(recordings.targets).to(self.device), self.batches.batch_size
        )

    def _augmentation(self, settings: AugmentationSettings, recordings: Recordings) -> Augmentation:
        noise = None
        if settings.snr_db is not None:
            noise = BackgroundNoise(torch.from_numpy(recordings.noise), settings.snr_db).to(self.device)
        return Augmentation(TimeShift(round(settings.max_shift_ms * SAMPLE_RATE / 1000)), noise)


class SyntheticCommandsDataModule(CommandsDataModule):
    """Words spoken by eSpeak NG. Validation and test are as noisy and as shifted as the training.

    The arguments are the keys of a config under `data`: SyntheticCommandsConfig has their defaults.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        train_size: int,
        validation_size: int,
        test_size: int,
        data_seed: int,
        batch_size: int,
        seed: int,
        snr_db: float | None,
        max_shift_ms: float,
        resident_memory_fraction: float,
        device: str | torch.device = "cpu",
    ) -> None:
        sizes: dict[SplitName, int] = {"train": train_size, "validation": validation_size, "test": test_size}
        augmentation = AugmentationSettings(snr_db, max_shift_ms)
        super().__init__(
            SyntheticCommands(data_dir, sizes, data_seed),
            BatchSettings(batch_size, seed, resident_memory_fraction),
            augmentation,
            evaluation_augmentation=augmentation,
            evaluation_seed=data_seed,
            device=device,
        )


class SpeechCommandsDataModule(CommandsDataModule):
    """Google Speech Commands. Training is made harder; validation and test stay as they were recorded.

    The arguments are the keys of a config under `data`: SpeechCommandsConfig has their defaults.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        root: str | Path | None,
        version: str,
        url: str | None,
        sha256: str | None,
        data_seed: int,
        batch_size: int,
        seed: int,
        snr_db: float | None,
        max_shift_ms: float,
        resident_memory_fraction: float,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(
            SpeechCommands(data_dir, version=version, seed=data_seed, root=root, url=url, sha256=sha256),
            BatchSettings(batch_size, seed, resident_memory_fraction),
            AugmentationSettings(snr_db, max_shift_ms),
            evaluation_augmentation=None,
            evaluation_seed=data_seed,
            device=device,
        )
