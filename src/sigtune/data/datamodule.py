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


class CommandsDataModule(pl.LightningDataModule):
    """Any source of spoken commands as batches of log-mel images, made on the device that trains.

    `augmentation` is drawn afresh every epoch for training. `evaluation_augmentation` is drawn once for
    validation and test, from `evaluation_seed`, so that their figures compare between runs whatever the
    training's `seed`; None leaves the clips as they are. Training clips that take more than the share
    `resident_memory_fraction` of the device's free memory are streamed to it, batch by batch. `device` is
    used where there is no trainer to ask.
    """

    num_classes = len(CLASS_NAMES)
    class_names = CLASS_NAMES

    def __init__(
        self,
        source: CommandSource,
        augmentation: AugmentationSettings,
        evaluation_augmentation: AugmentationSettings | None,
        *,
        batch_size: int = 128,
        seed: int = 0,
        evaluation_seed: int = 0,
        resident_memory_fraction: float = 0.5,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__()
        self.source = source
        self.augmentation = augmentation
        self.evaluation_augmentation = evaluation_augmentation
        self.batch_size = batch_size
        self.seed = seed
        self.evaluation_seed = evaluation_seed
        self.resident_memory_fraction = resident_memory_fraction
        self.device = torch.device(device)
        self._loaders: dict[SplitName, TrainBatches | EvaluationBatches] = {}
        self._check()

    def _check(self) -> None:
        problems = []
        if self.batch_size < 1:
            problems.append(Problem("data.batch_size", f"{self.batch_size} is too small", "1 or more"))
        if self.seed < 0:
            problems.append(Problem("data.seed", f"{self.seed} is negative", "0 or more"))
        if not 0 <= self.augmentation.max_shift_ms < 1000:
            shift = self.augmentation.max_shift_ms
            problems.append(Problem("data.max_shift_ms", f"{shift} does not fit a clip of 1 s", "0 to 999"))
        if not 0 <= self.resident_memory_fraction <= 1:
            what = f"{self.resident_memory_fraction} is no share of the free memory"
            problems.append(Problem("data.resident_memory_fraction", what, "0 (always stream) to 1"))
        if problems:
            raise UsageError(problems)

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
            place_clips(recordings.waveforms, self.device, self.resident_memory_fraction),
            torch.from_numpy(recordings.targets).to(self.device),
            augmentation=self._augmentation(self.augmentation, recordings),
            front_end=LogMelSpectrogram().to(self.device),
            batch_size=self.batch_size,
            seed=self.seed,
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
            images, torch.from_numpy(recordings.targets).to(self.device), self.batch_size
        )

    def _augmentation(self, settings: AugmentationSettings, recordings: Recordings) -> Augmentation:
        noise = None
        if settings.snr_db is not None:
            noise = BackgroundNoise(torch.from_numpy(recordings.noise), settings.snr_db).to(self.device)
        return Augmentation(TimeShift(round(settings.max_shift_ms * SAMPLE_RATE / 1000)), noise)


class SyntheticCommandsDataModule(CommandsDataModule):
    """Words spoken by eSpeak NG. Validation and test are as noisy and as shifted as the training."""

    def __init__(
        self,
        *,
        data_dir: str | Path = "data",
        train_size: int = 3400,
        validation_size: int = 900,
        test_size: int = 900,
        data_seed: int = 0,
        batch_size: int = 128,
        seed: int = 0,
        snr_db: float | None = 10.0,
        max_shift_ms: float = 100.0,
        resident_memory_fraction: float = 0.5,
        device: str | torch.device = "cpu",
    ) -> None:
        settings = AugmentationSettings(snr_db, max_shift_ms)
        source = SyntheticCommands(data_dir, train_size, validation_size, test_size, data_seed)
        super().__init__(
            source,
            settings,
            settings,
            batch_size=batch_size,
            seed=seed,
            evaluation_seed=data_seed,
            resident_memory_fraction=resident_memory_fraction,
            device=device,
        )


class SpeechCommandsDataModule(CommandsDataModule):
    """Google Speech Commands. Training is made harder; validation and test stay as they were recorded."""

    def __init__(
        self,
        *,
        data_dir: str | Path = "data",
        root: str | Path | None = None,
        version: str = "v0.02",
        url: str | None = None,
        sha256: str | None = None,
        data_seed: int = 0,
        batch_size: int = 128,
        seed: int = 0,
        snr_db: float | None = 10.0,
        max_shift_ms: float = 100.0,
        resident_memory_fraction: float = 0.5,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(
            SpeechCommands(data_dir, root=root, version=version, url=url, sha256=sha256, seed=data_seed),
            AugmentationSettings(snr_db, max_shift_ms),
            None,
            batch_size=batch_size,
            seed=seed,
            evaluation_seed=data_seed,
            resident_memory_fraction=resident_memory_fraction,
            device=device,
        )
