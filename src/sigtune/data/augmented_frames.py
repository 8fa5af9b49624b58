"""Augmentation and framing in one function for the CPU.

What `TimeShift`, `BackgroundNoise` and `LogMelSpectrogram.frames` do one after the other, each with a pass or
more over megabytes, `augmented_frames.cpp` does clip by clip in the cache.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from sigtune.compiled import compiled_functions
from sigtune.data.log_mel import BackgroundNoise, LogMelSpectrogram


def _load_function() -> ctypes._NamedFuncPointer | None:
    library = compiled_functions("sigtune.data._front_end")
    if library is None:
        return None
    pointer, size = ctypes.c_void_p, ctypes.c_int64
    function = library.augmented_frames
    function.argtypes = [*[pointer] * 4, ctypes.c_float, pointer, *[size] * 5, ctypes.c_int, pointer]
    function.restype = None
    return function


_FUNCTION = _load_function()


def can_be_fused(clips: Tensor) -> bool:
    """Say whether `augmented_frames` takes these clips: int16 on the CPU, where it was compiled."""
    return _FUNCTION is not None and clips.device.type == "cpu" and clips.dtype == torch.int16


def augmented_frames(
    clips: Tensor,
    shifts: Tensor,
    noise: BackgroundNoise | None,
    offsets: Tensor,
    front_end: LogMelSpectrogram,
) -> Tensor:
    """Return the frames, (N, frames, frame size) float32, of clips, (N, 16000), that can be fused.

    `shifts` and `offsets`, (N,) int64, are each clip's shift and the first sample of its noise.
    """
    assert _FUNCTION is not None
    clips, shifts, offsets = clips.contiguous(), shifts.contiguous(), offsets.contiguous()
    count, samples = clips.shape
    frames = torch.empty(count, samples // front_end.hop, front_end.fft_size)
    _FUNCTION(
        clips.data_ptr(),
        shifts.data_ptr(),
        noise.noise.data_ptr() if noise else None,
        offsets.data_ptr(),
        noise.amplitude_ratio if noise else 0.0,
        front_end.window.data_ptr(),
        count,
        samples,
        frames.shape[1],
        front_end.hop,
        front_end.fft_size,
        torch.get_num_threads(),
        frames.data_ptr(),
    )
    return frames
