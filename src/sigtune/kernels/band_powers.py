"""The power of a spectrum in bands of frequencies, stretched in time where that is asked for.

Most of a triangular filter's weights are zero. A product of matrices, the best that torch has for it,
multiplies by them all the same; `band_powers.cpp` on the CPU does not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sigtune.kernels.library import compiled, is_compiled


def band_powers(spectra: Tensor, filters: Tensor, rates: Tensor | None = None) -> Tensor:
    """Return the sums of |spectra|², weighted by the filters: (N, bands, frames).

    The spectra are (N, frames, bins), and may be overwritten; the filters are (bands, bins). `rates`, (N,)
    float32, is how many times as fast each clip's magnitudes are read, interpolated linearly between frames;
    zeros follow the last frame. That is what is left of a phase vocoder where only magnitudes count.
    """
    if not is_compiled() or spectra.device.type != "cpu" or spectra.dtype != torch.complex64:
        return _stretched(spectra, filters, rates) if rates is not None else _powers(spectra, filters)
    clips, frames, bins = spectra.shape
    rates = None if rates is None else rates.contiguous()
    powers = filters.new_empty(clips, len(filters), frames)
    compiled().band_powers(
        spectra.contiguous().data_ptr(),
        None if rates is None else rates.data_ptr(),
        clips,
        frames,
        bins,
        filters.contiguous().data_ptr(),
        len(filters),
        torch.get_num_threads(),
        powers.data_ptr(),
    )
    return powers


def _powers(spectra: Tensor, filters: Tensor) -> Tensor:
    # Each weight twice, for the real and the imaginary part: one product both adds the two squares and
    # applies the filters. The squares are in place: these are the most numbers of all.
    squares = torch.view_as_real(spectra).flatten(2).square_()
    return _product(squares, filters.repeat_interleave(2, dim=1).T).transpose(1, 2)


def _stretched(spectra: Tensor, filters: Tensor, rates: Tensor) -> Tensor:
    clips, frames, _ = spectra.shape
    magnitudes = torch.nn.functional.pad(spectra.abs(), (0, 0, 0, 2))  # (N, frames + 2, bins)
    positions = rates[:, None] * torch.arange(frames, device=spectra.device)
    before = positions.long().clamp_max(frames)
    share = (positions - before)[:, :, None]
    rows = torch.arange(clips, device=spectra.device)[:, None]
    read = torch.lerp(magnitudes[rows, before], magnitudes[rows, before + 1], share)
    return _product(read.square_(), filters.T).transpose(1, 2)


def _product(powers: Tensor, filters: Tensor) -> Tensor:
    """Return the product of matrices in full float32, whatever precision the network's are in.

    TF32 would round each power to ten bits: a GPU's images would differ from a CPU's in the fourth digit.
    """
    precision = torch.get_float32_matmul_precision()
    if precision == "highest":
        return powers @ filters
    torch.set_float32_matmul_precision("highest")
    try:
        return powers @ filters
    finally:
        torch.set_float32_matmul_precision(precision)
