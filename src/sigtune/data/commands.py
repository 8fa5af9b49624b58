"""What the two data sets share: the twelve classes, the shape of a clip, and how a split is handed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Samples per second of every clip."""

CLIP_SAMPLES = 16_000
"""Samples of every clip: one second."""

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
"""The ten words of the twelve-class task of Speech Commands (arXiv 1804.03209, section 7)."""

UNKNOWN = "unknown"
SILENCE = "silence"
CLASS_NAMES = (*COMMANDS, UNKNOWN, SILENCE)
"""Names of the classes, in the order of the target numbers."""

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Recordings:
    """One split, as it lies on disk and in memory: the waveforms may be a memory map of the file.

    `waveforms` is (N, 16000) int16; `targets` is (N,) int64, an index into CLASS_NAMES; `speakers` is (N,)
    str, who speaks each clip ("" for silence); `noise` is (M,) int16 with M ≥ 16000, background noise that
    belongs to this split alone.
    """

    waveforms: NDArray[np.int16]
    targets: NDArray[np.int64]
    speakers: NDArray[np.str_]
    noise: NDArray[np.int16]


class CommandSource(Protocol):
    """A data set of spoken commands: `prepare` makes or fetches it once, `load` returns one split of it."""

    def prepare(self) -> None:
        """Put the data set on disk where it is not there yet; safe to call from several processes."""

    def load(self, split: SplitName) -> Recordings:
        """Return one split; calls `prepare` itself where that is still needed."""
        ...
