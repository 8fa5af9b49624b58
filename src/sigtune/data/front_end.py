"""The front ends, batched and on any device: waveforms to mel spectrograms."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from sigtune.data.commands import CLIP_SAMPLES, SAMPLE_RATE
from sigtune.kernels.augmented_frames import Framing
from sigtune.kernels.band_powers import band_powers

_FULL_SCALE = 32768.0


def to_unit_range(waveforms: Tensor) -> Tensor:
    """Return int16 waveforms as float32 in [-1, 1); floating point ones as they are."""
    return waveforms if waveforms.is_floating_point() else waveforms.float().mul_(1.0 / _FULL_SCALE)


class FrontEnd(nn.Module):
    """Waveforms to images: (N, 16000) int16 or float → (N, 1, bands, frames) float32.

    Frames under a Hann window go through a Fourier transform; the powers of its bins, summed up by
    triangular `filters`, (bands, bins), are scaled by a subclass.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, framing: Framing, filters: Tensor) -> None:
        super().__init__()
        self.framing = framing
        self.register_buffer("window", torch.hann_window(framing.size), persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    @torch.no_grad()
    def forward(self, waveforms: Tensor) -> Tensor:
        """Return the images of a batch; deterministic, and without a gradient to the waveforms."""
        return self.images(self.frames(waveforms))

    def frames(self, waveforms: Tensor) -> Tensor:
        """Return the windowed frames, (N, frames, frame size), of a batch."""
        framing = self.framing
        ends = (framing.lead, framing.trail(waveforms.shape[1]))
        mode = "reflect" if framing.reflect else "constant"
        padded = F.pad(to_unit_range(waveforms), ends, mode)
        return padded.unfold(1, framing.size, framing.hop) * self.window

    @torch.no_grad()
    def images(self, frames: Tensor, stretches: Tensor | None = None) -> Tensor:
        """Return the images of frames; `stretches`, (N,), is how many times as fast to read each clip."""
        powers = band_powers(torch.fft.rfft(frames), self.filters, stretches)  # (N, bands, frames)
        return self.scaled(powers.unsqueeze(1))

    def scaled(self, powers: Tensor) -> Tensor:
        """Return the images, (N, 1, bands, frames), of powers of the same shape."""
        raise NotImplementedError


class LogMelSpectrogram(FrontEnd):
    """The logarithm of 32 bands in 32 frames, each image standardised.

    Frames of 1024 samples (64 ms), one every 500 samples; the clip is padded with zeros so that frame t is
    centred on sample 500·t + 250. The 32 filters have peaks of 1, equally spaced in
    mel = 2595·log10(1 + f/700) (O'Shaughnessy 1987; HTK's formula) from 20 Hz to 8 kHz. Powers become
    log(power + 1e-6), and then (x - mean) / (std + 1e-3) over the image's own 1024 values: loudness says
    nothing about the word, and no statistic of the data set is needed.
    """

    def __init__(self, bands: int = 32, frames: int = 32, fft_size: int = 1024) -> None:
        hop = CLIP_SAMPLES // frames
        framing = Framing(fft_size, hop, frames, (fft_size - hop) // 2, reflect=False)
        super().__init__(framing, mel_filters(bands, fft_size))

    def scaled(self, powers: Tensor) -> Tensor:
        """Return the standardised logarithms."""
        # log(power + 1e-6) but for a constant, which the next lines take away: digital silence is exactly 0.
        images = torch.log1p(powers * 1e6)
        # torch.std_mean takes four times as long on the CPU.
        centred = images - images.mean(dim=(2, 3), keepdim=True)
        deviation = centred.square().mean(dim=(2, 3), keepdim=True).sqrt()
        return (centred / (deviation + 1e-3)).contiguous()


class MelDecibels(FrontEnd):
    """The published experiments' front end: decibels below the loudest point, in 32 bands and 32 frames.

    Frames of 2048 samples (128 ms), one every 512, frame t centred on sample 512·t of the clip, which is
    reflected at its ends. The 32 filters, up to 8 kHz, are equally spaced in Slaney's mel scale and divided
    by their widths. An image is 10·log10(power / its greatest power), and -80 where it would be less.
    """

    def __init__(self, bands: int = 32, fft_size: int = 2048, hop: int = 512) -> None:
        framing = Framing(fft_size, hop, 1 + CLIP_SAMPLES // hop, fft_size // 2, reflect=True)
        super().__init__(framing, slaney_mel_filters(bands, fft_size))

    def scaled(self, powers: Tensor) -> Tensor:
        """Return the decibels; 0 everywhere for digital silence."""
        decibels = 10.0 * powers.clamp_min(1e-10).log10()
        relative = decibels - decibels.amax(dim=(2, 3), keepdim=True)
        return relative.clamp_min(-80.0).contiguous()


FRONT_ENDS: dict[str, Callable[[], FrontEnd]] = {
    "log_mel": LogMelSpectrogram,
    "mel_decibels": MelDecibels,
}
"""The front ends by their names in a config."""


def mel_filters(bands: int, fft_size: int, low_hz: float = 20.0, high_hz: float = SAMPLE_RATE / 2) -> Tensor:
    """Return the (bands, fft_size / 2 + 1) weights of triangular filters, peaks of 1 (HTK's mel scale)."""
    low_mel, high_mel = (2595.0 * math.log10(1.0 + hz / 700.0) for hz in (low_hz, high_hz))
    edges = 700.0 * (
        10.0 ** (torch.linspace(low_mel, high_mel, bands + 2, dtype=torch.float64) / 2595.0) - 1.0
    )
    return _triangles(edges, fft_size).float()


def slaney_mel_filters(bands: int, fft_size: int) -> Tensor:
    """Return the (bands, fft_size / 2 + 1) weights of triangular filters of equal areas up to half the rate.

    Their edges are equally spaced in the mel scale of Slaney's Auditory Toolbox: linear below 1 kHz, 15 mel
    of 200/3 Hz each, and logarithmic above, 27 mel to a factor of 6.4. A triangle is 2 Hz / its width high.
    """
    half = SAMPLE_RATE / 2
    top = 15.0 + 27.0 * math.log(half / 1000.0) / math.log(6.4)
    mels = torch.linspace(0.0, top, bands + 2, dtype=torch.float64)
    linear = mels * (200.0 / 3.0)
    edges = torch.where(mels < 15.0, linear, 1000.0 * torch.exp((mels - 15.0) * math.log(6.4) / 27.0))
    heights = 2.0 / (edges[2:] - edges[:-2])
    return (_triangles(edges, fft_size) * heights[:, None]).float()


def _triangles(edges: Tensor, fft_size: int) -> Tensor:
    """Return the weights at each bin's frequency of triangles with peaks of 1 between every three edges."""
    bands = len(edges) - 2
    bins = torch.arange(fft_size // 2 + 1, dtype=torch.float64) * (SAMPLE_RATE / fft_size)
    low, centre, high = (edges[start : start + bands, None] for start in range(3))
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    return torch.minimum(rising, falling).clamp_min(0.0)
