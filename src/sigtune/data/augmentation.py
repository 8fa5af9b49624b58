"""What training clips are changed by, batched and on any device: amplitude, speed, stretch, shift and noise.

The random part is drawn apart from its application (`draw`, then the rest), from a NumPy generator on the
host: the numbers are few, and the same seed then gives the same clips on every device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from sigtune.data.commands import CLIP_SAMPLES, SAMPLE_RATE
from sigtune.data.front_end import FrontEnd, to_unit_range
from sigtune.errors import Problem
from sigtune.kernels.augmented_frames import augmented_frames, can_be_fused

_FUSED_CLIPS = 16  # at a time: their frames and spectra, a megabyte each and more, stay in a CPU's cache


@dataclass(frozen=True)
class AugmentationSettings:
    """What clips are changed by.

    Each clip's amplitude is multiplied by a number within `amplitude` (two numbers), its speed, and with it
    its pitch, is changed by up to the share `max_speed`, its length without its pitch by up to `max_stretch`,
    and it is shifted by up to `max_shift_ms`: each of them with `probability`, by itself. Noise at `snr_db`
    is added to every clip, or none for None.
    """

    snr_db: float | None = None
    max_shift_ms: float = 0.0
    amplitude: Sequence[float] = (1.0, 1.0)
    max_speed: float = 0.0
    max_stretch: float = 0.0
    probability: float = 1.0

    def problems(self, section: str) -> list[Problem]:
        """Return what is wrong with them; the keys begin with `section`."""
        found = []
        if not 0 <= self.max_shift_ms < 1000:
            what = f"{self.max_shift_ms} does not fit a clip of 1 s"
            found.append(Problem(f"{section}.max_shift_ms", what, "0 to 999"))
        if len(self.amplitude) != 2 or not 0 < self.amplitude[0] <= self.amplitude[1]:
            what = f"{list(self.amplitude)} is not the least and the greatest of positive factors"
            found.append(Problem(f"{section}.amplitude", what, "such as [0.7,1.1]"))
        for name in ("max_speed", "max_stretch"):
            if not 0 <= getattr(self, name) < 1:
                what = f"{getattr(self, name)} is not a share of the speed"
                found.append(Problem(f"{section}.{name}", what, "0 (unchanged) to below 1"))
        if not 0 <= self.probability <= 1:
            found.append(Problem(f"{section}.probability", f"{self.probability} is none", "0 to 1"))
        return found


@dataclass(frozen=True)
class Draws:
    """What was drawn for N clips, (N,) each: shifts and starts of noise in samples, and float32 factors."""

    shifts: Tensor
    offsets: Tensor
    amplitudes: Tensor
    speeds: Tensor
    stretches: Tensor

    def of(self, rows: slice) -> Draws:
        """Return those of some clips."""
        return Draws(*(drawn[rows] for drawn in self._all()))

    def to(self, device: torch.device) -> Draws:
        """Return them on the device."""
        return Draws(*(drawn.to(device) for drawn in self._all()))

    def split(self, size: int) -> list[Draws]:
        """Return those of every `size` clips."""
        return [
            Draws(*parts) for parts in zip(*(torch.split(drawn, size) for drawn in self._all()), strict=True)
        ]

    def _all(self) -> tuple[Tensor, ...]:
        return self.shifts, self.offsets, self.amplitudes, self.speeds, self.stretches


class BackgroundNoise(nn.Module):
    """Add a cut of the noise to each clip, scaled to a signal-to-noise ratio over the whole clip.

    SNR = 10·log10(mean(clip²) / mean(noise²)) dB. A clip that is all zeros stays so.
    """

    noise: Tensor

    def __init__(self, noise: Tensor, snr_db: float) -> None:
        super().__init__()
        if len(noise) < CLIP_SAMPLES:
            raise ValueError(f"{len(noise)} samples of noise, at least {CLIP_SAMPLES} are needed")
        self.amplitude_ratio = 10.0 ** (-snr_db / 20.0)
        # int16, as the clips: it is converted batch by batch. Data, not weights: never in a checkpoint.
        self.register_buffer("noise", noise, persistent=False)

    def draw(self, count: int, generator: np.random.Generator) -> Tensor:
        """Return (count,) int64 first samples of the cuts, uniform over the noise."""
        return torch.from_numpy(generator.integers(0, len(self.noise) - CLIP_SAMPLES, count, endpoint=True))

    def forward(self, waveforms: Tensor, offsets: Tensor) -> Tensor:
        """Return (N, 16000) float32 waveforms in units of full scale, noise added."""
        clips = to_unit_range(waveforms)
        cuts = to_unit_range(self.noise.unfold(0, CLIP_SAMPLES, 1)[offsets])
        clip_norms = torch.linalg.vector_norm(clips, dim=1, keepdim=True)
        cut_norms = torch.linalg.vector_norm(cuts, dim=1, keepdim=True)
        # Where the noise itself is digital silence, there is nothing to scale.
        gains = self.amplitude_ratio * clip_norms / cut_norms.clamp_min(1e-6)
        return torch.addcmul(clips, cuts, gains)


class Augmentation:
    """The changes that the settings ask for: drawn for many clips at once, applied batch by batch.

    `noise`, (M,) int16, is what `settings.snr_db` is the level of.
    """

    def __init__(self, settings: AugmentationSettings, noise: Tensor) -> None:
        self.settings = settings
        self.max_shift = round(settings.max_shift_ms * SAMPLE_RATE / 1000)
        self.noise = None if settings.snr_db is None else BackgroundNoise(noise, settings.snr_db)

    def draw(self, count: int, generator: np.random.Generator, device: torch.device) -> Draws:
        """Return what is drawn for each of `count` clips, on the device.

        Shifts are uniform over the samples, amplitudes and stretches (1 ± max_stretch) over their factors,
        and speeds are 1 / (1 + x), x uniform within ± max_speed, as in the published augmentation.
        """
        settings = self.settings
        shifts = generator.integers(-self.max_shift, self.max_shift, count, endpoint=True)
        offsets = self.noise.draw(count, generator) if self.noise else torch.zeros(count, dtype=torch.int64)
        amplitudes = self._factors(settings.amplitude, count, generator)
        speeds = 1.0 / self._factors((1 - settings.max_speed, 1 + settings.max_speed), count, generator)
        stretches = self._factors((1 - settings.max_stretch, 1 + settings.max_stretch), count, generator)
        if settings.probability < 1:
            shifts *= generator.random(count) < settings.probability
        factors = (torch.from_numpy(drawn.astype(np.float32)) for drawn in (amplitudes, speeds, stretches))
        return Draws(torch.from_numpy(shifts), offsets, *factors).to(device)

    def _factors(
        self, ends: Sequence[float], count: int, generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return a factor for each clip: within the ends, or 1 where chance leaves the clip as it is."""
        if tuple(ends) == (1.0, 1.0):
            return np.ones(count)
        factors = generator.uniform(ends[0], ends[1], count)
        return np.where(generator.random(count) < self.settings.probability, factors, 1.0)

    def waveforms(self, clips: Tensor, draws: Draws) -> Tensor:
        """Return (N, 16000) float32 waveforms of clips, changed in all but their stretch."""
        heard = clips
        if self.settings.max_speed:
            heard = read_faster(to_unit_range(clips), draws.speeds)
        if tuple(self.settings.amplitude) != (1.0, 1.0):
            heard = to_unit_range(heard) * draws.amplitudes[:, None]
        heard = to_unit_range(shifted(heard, draws.shifts, self.max_shift))
        return heard if self.noise is None else self.noise(heard, draws.offsets)

    def images(self, clips: Tensor, draws: Draws, front_end: FrontEnd) -> Tensor:
        """Return the (N, 1, 32, 32) images of the changed clips, the fastest way there is for them."""
        if not can_be_fused(clips):
            frames = front_end.frames(self.waveforms(clips, draws))
            return front_end.images(frames, self._stretches(draws))
        parts = zip(torch.split(clips, _FUSED_CLIPS), draws.split(_FUSED_CLIPS), strict=True)
        return torch.cat([self._fused_images(*part, front_end) for part in parts])

    def _fused_images(self, clips: Tensor, draws: Draws, front_end: FrontEnd) -> Tensor:
        heard = self.noise
        noise = None if heard is None else (heard.noise, draws.offsets, heard.amplitude_ratio)
        factors = (draws.amplitudes, draws.speeds)
        frames = augmented_frames(clips, draws.shifts, factors, noise, front_end.window, front_end.framing)
        return front_end.images(frames, self._stretches(draws))

    def _stretches(self, draws: Draws) -> Tensor | None:
        return draws.stretches if self.settings.max_stretch else None


def shifted(waveforms: Tensor, shifts: Tensor, max_shift: int) -> Tensor:
    """Move each of (N, T) waveforms by its own of (N,) samples, later for positive ones, `max_shift` at most.

    What is uncovered is zero, what leaves is lost; dtype and device stay.
    """
    if max_shift == 0:
        return waveforms
    padded = F.pad(waveforms, (max_shift, max_shift))
    rows = torch.arange(len(waveforms), device=waveforms.device)
    # Row i, window j of the view is clip i starting at sample j: one gather makes the whole batch.
    moved: Tensor = padded.unfold(1, waveforms.shape[1], 1)[rows, max_shift - shifts]
    return moved


def read_faster(waveforms: Tensor, speeds: Tensor) -> Tensor:
    """Return (N, T) float waveforms as they sound at other speeds, (N,), and so at another pitch.

    Sample t is what is at speed·t, interpolated linearly; zeros follow where the waveform has ended.
    """
    samples = waveforms.shape[1]
    positions = torch.arange(samples, device=waveforms.device, dtype=torch.float32) * speeds[:, None]
    before = positions.long()
    is_within = before < samples
    before = before.clamp_max(samples - 1)
    after = (before + 1).clamp_max(samples - 1)
    read = torch.lerp(waveforms.gather(1, before), waveforms.gather(1, after), positions - before)
    return read * is_within
