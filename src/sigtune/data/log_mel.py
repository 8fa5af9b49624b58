"""The front end, batched and on any device: time shift, background noise, log-mel spectrogram.

The random part of an augmentation is drawn apart from its application (`draw`, then `forward`), from a NumPy
generator on the host: the numbers are few, and the same seed then gives the same clips on every device.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from sigtune.data.commands import CLIP_SAMPLES, SAMPLE_RATE
from sigtune.kernels.band_powers import band_powers

_FULL_SCALE = 32768.0


def to_unit_range(waveforms: Tensor) -> Tensor:
    """Return int16 waveforms as float32 in [-1, 1); floating point ones as they are."""
    return waveforms if waveforms.is_floating_point() else waveforms.float().mul_(1.0 / _FULL_SCALE)


class TimeShift(nn.Module):
    """Move each clip by its own number of samples; what is uncovered is zero, what leaves is lost."""

    def __init__(self, max_shift: int) -> None:
        super().__init__()
        self.max_shift = max_shift

    def draw(self, count: int, generator: np.random.Generator) -> Tensor:
        """Return (count,) int64 shifts in samples, uniform over [-max_shift, max_shift]."""
        return torch.from_numpy(generator.integers(-self.max_shift, self.max_shift, count, endpoint=True))

    def forward(self, waveforms: Tensor, shifts: Tensor) -> Tensor:
        """Shift (N, T) waveforms by (N,) samples, later for positive ones; dtype and device stay."""
        if self.max_shift == 0:
            return waveforms
        padded = F.pad(waveforms, (self.max_shift, self.max_shift))
        rows = torch.arange(len(waveforms), device=waveforms.device)
        # Row i, window j of the view is clip i starting at sample j: one gather makes the whole batch.
        shifted: Tensor = padded.unfold(1, waveforms.shape[1], 1)[rows, self.max_shift - shifts]
        return shifted


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


class LogMelSpectrogram(nn.Module):
    """Waveforms to log-mel images: (N, 16000) int16 or float → (N, 1, 32 mel bands, 32 frames) float32.

    Frames of 1024 samples (64 ms), a Hann window, one every 500 samples; the clip is padded with zeros so
    that frame t is centred on sample 500·t + 250. The power spectrum goes through 32 triangular filters with
    peaks of 1, equally spaced in mel = 2595·log10(1 + f/700) (O'Shaughnessy 1987; HTK's formula) from 20 Hz
    to 8 kHz, and becomes log(power + 1e-6). Each image is then standardised, (x - mean) / (std + 1e-3) over
    its own 1024 values: loudness says nothing about the word, and no statistic of the data set is needed.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, bands: int = 32, frames: int = 32, fft_size: int = 1024) -> None:
        super().__init__()
        self.hop = CLIP_SAMPLES // frames
        self.fft_size = fft_size
        self.register_buffer("window", torch.hann_window(fft_size), persistent=False)
        self.register_buffer("filters", mel_filters(bands, fft_size), persistent=False)

    @torch.no_grad()
    def forward(self, waveforms: Tensor) -> Tensor:
        """Return the images of a batch; deterministic, and without a gradient to the waveforms."""
        return self.images(self.frames(waveforms))

    def frames(self, waveforms: Tensor) -> Tensor:
        """Return the windowed frames, (N, frames, 1024), of a batch."""
        overlap = self.fft_size - self.hop
        padded = F.pad(to_unit_range(waveforms), (overlap // 2, overlap - overlap // 2))
        return padded.unfold(1, self.fft_size, self.hop) * self.window

    @torch.no_grad()
    def images(self, frames: Tensor) -> Tensor:
        """Return the images of frames."""
        powers = band_powers(torch.fft.rfft(frames), self.filters)  # (N, bands, frames)
        # log(power + 1e-6) but for a constant, which the next lines take away: digital silence is exactly 0.
        images = torch.log1p(powers * 1e6).unsqueeze(1)
        # torch.std_mean takes four times as long on the CPU.
        centred = images - images.mean(dim=(2, 3), keepdim=True)
        deviation = centred.square().mean(dim=(2, 3), keepdim=True).sqrt()
        return (centred / (deviation + 1e-3)).contiguous()


def mel_filters(bands: int, fft_size: int, low_hz: float = 20.0, high_hz: float = SAMPLE_RATE / 2) -> Tensor:
    """Return the (bands, fft_size / 2 + 1) weights of triangular filters, peaks of 1 (HTK's mel scale)."""
    low_mel, high_mel = (2595.0 * math.log10(1.0 + hz / 700.0) for hz in (low_hz, high_hz))
    edges = 700.0 * (
        10.0 ** (torch.linspace(low_mel, high_mel, bands + 2, dtype=torch.float64) / 2595.0) - 1.0
    )
    bins = torch.arange(fft_size // 2 + 1, dtype=torch.float64) * (SAMPLE_RATE / fft_size)
    low, centre, high = (edges[start : start + bands, None] for start in range(3))
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    return torch.minimum(rising, falling).clamp_min(0.0).float()
