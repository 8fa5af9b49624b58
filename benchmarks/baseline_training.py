"""The sparse CNN as it is usually written: what `train_speed.py` compares sigtune with.

A Dataset that augments and transforms one clip at a time in a DataLoader's workers, k-winners by top-k and a
scattered mask, weights multiplied by a dense mask after every step, and a plain Lightning Trainer. The data,
the augmentation, the front end, the network, the batch size, the optimiser and the schedule are sigtune's.
"""

from __future__ import annotations

import math
import os
import random

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from sigtune.data.commands import CLIP_SAMPLES, Recordings
from sigtune.data.front_end import slaney_mel_filters

MAX_SHIFT = 4096
FFT_SIZE = 2048
HOP = 512
CLASSES = 12
BOOST_STRENGTH = 1.35
BOOST_STRENGTH_FACTOR = 0.9
DUTY_CYCLE_PERIOD = 1000


class CommandsDataset(Dataset[tuple[Tensor, int]]):
    """One image of 32 mel bands and 32 frames, (1, 32, 32), and its class at a time, augmented in training.

    Amplitude and speed are changed in the waveform, stretch and shift in its short-time Fourier transform,
    each with a probability of one half, as the published experiments have it.
    """

    def __init__(self, recordings: Recordings, augment: bool) -> None:
        self.recordings = recordings
        self.augment = augment
        self.window = torch.hann_window(FFT_SIZE)
        self.filters = slaney_mel_filters(32, FFT_SIZE)

    def __len__(self) -> int:
        return len(self.recordings.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        clip = torch.from_numpy(self.recordings.waveforms[index]).float() / 32768.0
        if self.augment:
            clip = changed_speed(clip * chosen(0.7, 1.1), 1.0 / chosen(0.8, 1.2))
            shift = round(chosen(-MAX_SHIFT, MAX_SHIFT, otherwise=0.0))
            clip = functional.pad(clip, (MAX_SHIFT, MAX_SHIFT))[MAX_SHIFT - shift :][:CLIP_SAMPLES]
        spectrum = torch.stft(clip, FFT_SIZE, HOP, window=self.window, return_complex=True)
        if self.augment:
            spectrum = stretched(spectrum, chosen(0.8, 1.2))
        return self.decibels(spectrum), int(self.recordings.targets[index])

    def decibels(self, spectrum: Tensor) -> Tensor:
        powers: Tensor = self.filters @ spectrum.abs() ** 2
        image = 10.0 * torch.log10(powers.clamp_min(1e-10))
        return (image - image.max()).clamp_min(-80.0).unsqueeze(0)


def chosen(low: float, high: float, otherwise: float = 1.0) -> float:
    """Return a number between the ends in half of the cases, else the one that changes nothing."""
    return random.uniform(low, high) if random.random() < 0.5 else otherwise


def changed_speed(clip: Tensor, speed: float) -> Tensor:
    """Return the clip read `speed` times as fast, by linear interpolation; zeros follow its end."""
    samples = clip.numpy()
    read = np.interp(np.arange(len(samples)) * speed, np.arange(len(samples)), samples, right=0.0)
    return torch.from_numpy(read.astype(np.float32))


def stretched(spectrum: Tensor, rate: float) -> Tensor:
    """Return a (bins, frames) spectrum `rate` times as fast at the same pitch: a phase vocoder.

    Magnitudes are interpolated between frames; phases advance by what the bin turns in a hop, and what the
    two frames deviate from it (Flanagan and Golden, 1966). As many frames are returned, zeros at the end.
    """
    if rate == 1.0:
        return spectrum
    bins, frames = spectrum.shape
    positions = torch.arange(0, frames, rate)
    padded = functional.pad(spectrum, (0, 2))
    before, after = padded[:, positions.long()], padded[:, positions.long() + 1]
    magnitudes = torch.lerp(before.abs(), after.abs(), positions % 1.0)
    turn = torch.linspace(0, math.pi * HOP, bins)[:, None]
    deviation = after.angle() - before.angle() - turn
    advance = deviation - 2 * math.pi * torch.round(deviation / (2 * math.pi)) + turn
    phases = torch.cumsum(torch.cat([before[:, :1].angle(), advance[:, :-1]], dim=1), dim=1)
    stretch = torch.polar(magnitudes, phases)
    return functional.pad(stretch, (0, max(0, frames - stretch.shape[1])))[:, :frames]


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
            KWinners(64, 0.095),
            nn.MaxPool2d(2),
            MaskedWeights(nn.Conv2d(64, 64, 5), 0.8),
            nn.BatchNorm2d(64, affine=False),
            KWinners(64, 0.125),
            nn.MaxPool2d(2),
            nn.Flatten(),
            MaskedWeights(nn.Linear(1600, 1000), 0.9),
            nn.BatchNorm1d(1000, affine=False),
            KWinners(1000, 0.1),
            nn.Linear(1000, CLASSES),
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

    def loader(recordings: Recordings, training: bool) -> ClipLoader:
        return DataLoader(
            CommandsDataset(recordings, augment=training),
            batch_size,
            shuffle=training,
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
