"""The power of a spectrum in bands of frequencies.

Most of a triangular filter's weights are zero. A product of matrices, the best that torch has for it,
multiplies by them all the same; `band_powers.cpp` on the CPU does not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sigtune.kernels.library import compiled, is_compiled


def band_powers(spectra: Tensor, filters: Tensor) -> Tensor:
    """Return the sums of |spectra|², weighted by the filters: (N, bands, frames).

    The spectra are (N, frames, bins), and may be overwritten; the filters are (bands, bins).
    """
    if not is_compiled() or spectra.device.type != "cpu" or spectra.dtype != torch.complex64:
        # Each weight twice, for the real and the imaginary part: one product both adds the two squares and
        # applies the filters. The squares are in place: these are the most numbers of all.
        squares = torch.view_as_real(spectra).flatten(2).square_()
        return (squares @ filters.repeat_interleave(2, dim=1).T).transpose(1, 2)
    clips, frames, bins = spectra.shape
    powers = filters.new_empty(clips, len(filters), frames)
    compiled().band_powers(
        spectra.contiguous().data_ptr(),
        clips,
        frames,
        bins,
        filters.contiguous().data_ptr(),
        len(filters),
        torch.get_num_threads(),
        powers.data_ptr(),
    )
    return powers
