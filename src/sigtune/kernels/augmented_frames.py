"""Augmentation and framing in one function for the CPU.

What `TimeShift`, `BackgroundNoise` and `LogMelSpectrogram.frames` do one after the other, each with a pass or
more over megabytes, `augmented_frames.cpp` does clip by clip in the cache.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sigtune.kernels.library import compiled, is_compiled


def can_be_fused(clips: Tensor) -> bool:
    """Return whether `augmented_frames` takes these clips: int16 on the CPU, where it was compiled."""
    return is_compiled() and clips.device.type == "cpu" and clips.dtype == torch.int16


def augmented_frames(
    clips: Tensor,
    shifts: Tensor,
    noise: Tensor | None,
    amplitude_ratio: float,
    offsets: Tensor,
    window: Tensor,
    hop: int,
) -> Tensor:
    """Return the frames, (N, T // hop, frame size) float32, of clips, (N, T), that can be fused.

    `shifts` and `offsets`, (N,) int64, are each clip's shift and the first sample of its noise, which is
    scaled to `amplitude_ratio` of the clip's. `window`, (frame size,), is what each frame is multiplied by.
    """
    clips, shifts, offsets = clips.contiguous(), shifts.contiguous(), offsets.contiguous()
    count, samples = clips.shape
    frames = torch.empty(count, samples // hop, len(window))
    compiled().augmented_frames(
        clips.data_ptr(),
        shifts.data_ptr(),
        None if noise is None else noise.data_ptr(),
        offsets.data_ptr(),
        amplitude_ratio,
        window.data_ptr(),
        count,
        samples,
        frames.shape[1],
        hop,
        len(window),
        torch.get_num_threads(),
        frames.data_ptr(),
    )
    return frames
