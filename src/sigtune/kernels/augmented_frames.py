"""Augmentation and framing in one function for the CPU.

What `sigtune.data.augmentation` and the frames of `sigtune.data.front_end` do one after the other, each with
a pass or more over megabytes, `augmented_frames.cpp` does clip by clip in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sigtune.kernels.library import compiled, is_compiled


@dataclass(frozen=True)
class Framing:
    """How clips are cut: a frame of `size` samples every `hop`, `count` of them.

    The first begins `lead` samples before the clip. What lies outside of it is zero, or the clip reflected at
    its ends.
    """

    size: int
    hop: int
    count: int
    lead: int
    reflect: bool

    def trail(self, samples: int) -> int:
        """Return how many samples after a clip of `samples` the last frame ends with."""
        return (self.count - 1) * self.hop + self.size - self.lead - samples


def can_be_fused(clips: Tensor) -> bool:
    """Return whether `augmented_frames` takes these clips: int16 on the CPU, where it was compiled."""
    return is_compiled() and clips.device.type == "cpu" and clips.dtype == torch.int16


def augmented_frames(
    clips: Tensor,
    shifts: Tensor,
    factors: tuple[Tensor, Tensor] | None,
    noise: tuple[Tensor, Tensor, float] | None,
    window: Tensor,
    framing: Framing,
) -> Tensor:
    """Return the frames, (N, frames, frame size) float32, of clips, (N, T), that can be fused.

    `shifts`, (N,) int64, are in samples. `factors` are each clip's amplitude and speed, (N,) float32; `noise`
    is the noise, the first sample of each clip's, (N,) int64, and its amplitude's ratio to the clip's.
    `window`, (frame size,), is what each frame is multiplied by.
    """
    clips, shifts = clips.contiguous(), shifts.contiguous()
    amplitudes, speeds = (factor.contiguous() for factor in factors) if factors else (None, None)
    heard, offsets, ratio = noise or (None, None, 0.0)
    offsets = None if offsets is None else offsets.contiguous()
    frames = torch.empty(len(clips), framing.count, framing.size)
    compiled().augmented_frames(
        clips.data_ptr(),
        shifts.data_ptr(),
        _pointer(amplitudes),
        _pointer(speeds),
        _pointer(heard),
        _pointer(offsets),
        ratio,
        window.data_ptr(),
        *clips.shape,
        framing.count,
        framing.hop,
        framing.size,
        framing.lead,
        framing.reflect,
        torch.get_num_threads(),
        frames.data_ptr(),
    )
    return frames


def _pointer(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
