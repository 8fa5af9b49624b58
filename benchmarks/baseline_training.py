"""The sparse CNN as it is usually written: what `train_speed.py` compares sigtune with.

A Dataset that augments and transforms one clip at a time in a DataLoader's workers, k-winners by top-k and a
scattered mask, weights multiplied by a dense mask after every step, and a plain Lightning Trainer. The data,
the augmentation, the network's sizes, the batch size, the optimiser and the schedule are sigtune's.
"""

from __future__ import annotations

import math
import os

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from sigtune.data.commands import CLIP_SAMPLES, Recordings
from sigtune.data.front_end import mel_filters

MAX_SHIFT = 1600
SNR_DB = 10.0
FFT_SIZE = 1024
HOP = 500
BOOST_STRENGTH = 1.5
BOOST_STRENGTH_FACTOR = 0.9
DUTY_CYCLE_PERIOD = 1000


class CommandsDataset(Dataset[tuple[Tensor, int]]):
    """One log-mel image, (1, 32, 32), and its class at a time, shifted and with noise added."""

    def __init__(self, recordings: Recordings) -> None:
        self.recordings = recordings
        self.window = torch.hann_window(FFT_SIZE)
        self.filters = mel_filters(32, FFT_SIZE)

    def __len__(self) -> int:
        return len(self.recordings.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        clip = torch.from_numpy(self.recordings.waveforms[index]).float() / 32768.0
        clip = self.add_noise(self.shift(clip))
        return self.log_mel(clip), int(self.recordings.targets[index])

    def shift(self, clip: Tensor) -> Tensor:
        shift = int(torch.randint(-MAX_SHIFT, MAX_SHIFT + 1, ()))
        padded = functional.pad(clip, (MAX_SHIFT, MAX_SHIFT))
        return padded[MAX_SHIFT - shift :][:CLIP_SAMPLES]

    def add_noise(self, clip: Tensor) -> Tensor:
        noise = self.recordings.noise
        start = int(torch.randint(len(noise) - CLIP_SAMPLES + 1, ()))
        cut = torch.from_numpy(noise[start : start + CLIP_SAMPLES]).float() / 32768.0
        gain = clip.norm() / cut.norm().clamp_min(1e-6) * 10 ** (-SNR_DB / 20)
        noisy: Tensor = clip + gain * cut
        return noisy

    def log_mel(self, clip: Tensor) -> Tensor:
        padding = FFT_SIZE - HOP
        padded = functional.pad(clip, (padding // 2, padding - padding // 2))
        spectrum = torch.stft(padded, FFT_SIZE, HOP, window=self.window, center=False, return_complex=True)
        image: Tensor = torch.log(self.filters @ spectrum.abs() ** 2 + 1e-6)
        normalised: Tensor = (image - image.mean()) / (image.std() + 1e-3)
        return normalised.unsqueeze(0)


ClipLoader = DataLoader[tuple[Tensor, int]]


class KWinners(nn.Module):
    """The k highest of a sample's boosted units pass: top-k's indices are scattered to a dense mask."""

    duty_cycle: Tensor

    def __init__(self, channels: int, percent_on: float) -> None:
        super().__init__()
        self.percent_on = percent_on
        self.boost_strength = BOOST_STRENGTH
        self.samples_seen = 0
        self.register_buffer("duty_cycle", torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        duty_cycle = self.duty_cycle.view(1, -1, *[1] * (x.dim() - 2))
        units = x[0].numel()
        k = round(self.percent_on * units)
        boosted = x * torch.exp(self.boost_strength * (k / units - duty_cycle))
        winners = boosted.flatten(1).topk(k, dim=1).indices
        mask = torch.zeros_like(x).flatten(1).scatter_(1, winners, 1.0).view_as(x)
        y = x * mask
        if self.training:
            self.update_duty_cycle(y.detach())
        return y

    def update_duty_cycle(self, y: Tensor) -> None:
        self.samples_seen += len(y)
        period = min(DUTY_CYCLE_PERIOD, self.samples_seen)
        on = (y > 0).float().transpose(0, 1).flatten(1).mean(dim=1) * len(y)
        self.duty_cycle.mul_(period - len(y)).add_(on).div_(period)


class MaskedWeights(nn.Module):
    """A layer with weights, and the dense mask of those that are not zero."""

    mask: Tensor

    def __init__(self, layer: nn.Conv2d | nn.Linear, sparsity: float) -> None:
        super().__init__()
        self.layer = layer
        weight = layer.weight.detach().flatten(1)
        zeros = torch.rand_like(weight).topk(round(sparsity * weight.shape[1]), dim=1).indices
        self.register_buffer("mask", torch.ones_like(weight).scatter_(1, zeros, 0.0).view_as(layer.weight))
        self.apply_mask()

    def apply_mask(self) -> None:
        self.layer.weight.data *= self.mask

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        return y


class BaselineClassifier(pl.LightningModule):
    """The published network, its training and its validation."""

    def __init__(self, max_lr: float, weight_decay: float) -> None:
        super().__init__()
        self.max_lr = max_lr
        self.weight_decay = weight_decay
        self.net = nn.Sequential(
            MaskedWeights(nn.Conv2d(1, 64, 5), 0.5),
            nn.BatchNorm2d(64, affine=False),
            nn.MaxPool2d(2),
            KWinners(64, 0.095),
            MaskedWeights(nn.Conv2d(64, 64, 5), 0.8),
            nn.BatchNorm2d(64, affine=False),
            nn.MaxPool2d(2),
            KWinners(64, 0.125),
            nn.Flatten(),
            MaskedWeights(nn.Linear(1600, 1000), 0.9),
            nn.BatchNorm1d(1000, affine=False),
            KWinners(1000, 0.1),
            nn.Linear(1000, 12),
        )

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, targets = batch
        loss = functional.cross_entropy(self.net(images), targets)
        self.log("loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, targets = batch
        logits = self.net(images)
        self.log("validation_loss", functional.cross_entropy(logits, targets), prog_bar=True)
        self.log("mean_accuracy", (logits.argmax(dim=1) == targets).float().mean(), prog_bar=True)

    def on_train_batch_end(self, outputs: object, batch: object, batch_idx: int) -> None:
        for module in self.modules():
            if isinstance(module, MaskedWeights):
                module.apply_mask()

    def on_train_epoch_end(self) -> None:
        for module in self.modules():
            if isinstance(module, KWinners):
                module.boost_strength *= BOOST_STRENGTH_FACTOR

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        optimizer = torch.optim.SGD(self.parameters(), lr=self.max_lr, weight_decay=self.weight_decay)
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            self.max_lr,
            total_steps=steps,
            pct_start=0.15,
            anneal_strategy="linear",
            cycle_momentum=False,
        )
        return OptimizerLRSchedulerConfig(
            optimizer=optimizer, lr_scheduler={"scheduler": scheduler, "interval": "step"}
        )


def loaders(
    train: Recordings, validation: Recordings, batch_size: int, gpu: bool
) -> tuple[ClipLoader, ClipLoader]:
    """Return the loaders, with as many workers as there are cores for this process."""
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def loader(recordings: Recordings, shuffle: bool) -> ClipLoader:
        return DataLoader(
            CommandsDataset(recordings),
            batch_size,
            shuffle=shuffle,
            num_workers=workers,
            persistent_workers=True,
            pin_memory=gpu,
        )

    return loader(train, True), loader(validation, False)


def train(
    data: tuple[Recordings, Recordings],
    batch_size: int,
    epochs: int,
    gpu: bool,
    folder: str,
    clock: pl.Callback,
) -> float:
    """Train, and return the accuracy of the last validation."""
    classifier = BaselineClassifier(max_lr=0.11, weight_decay=1e-4)
    trainer = pl.Trainer(
        accelerator="gpu" if gpu else "cpu",
        devices=1,
        max_epochs=epochs,
        default_root_dir=folder,
        callbacks=[clock],
        logger=pl.loggers.CSVLogger(folder),
        num_sanity_val_steps=0,
        log_every_n_steps=10,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(classifier, *loaders(*data, batch_size, gpu))
    accuracy = float(trainer.callback_metrics["mean_accuracy"])
    return accuracy if math.isfinite(accuracy) else 0.0
