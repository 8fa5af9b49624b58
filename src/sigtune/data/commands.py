"""What the data sets of spoken words share: the task, the shape of a clip, and how a split is handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sigtune.errors import Problem, nearest

SAMPLE_RATE = 16_000
"""Samples per second of every clip."""

CLIP_SAMPLES = 16_000
"""Samples of every clip: one second."""

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
"""The ten words of the twelve-class task of Speech Commands (arXiv 1804.03209, section 7)."""

# fmt: off
OTHER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "bed", "bird", "cat",
    "dog", "happy", "house", "marvin", "sheila", "tree", "wow", "backward", "forward", "follow", "learn",
    "visual",
)
# fmt: on
"""The other words of Speech Commands v0.02 (arXiv 1804.03209, section 5); the last five are not in v0.01."""

UNKNOWN = "unknown"
SILENCE = "silence"
NOISE = "noise"
ZEROS = "zeros"

EXTRA_SHARE = 0.1
"""Unknown words, and silences, for each clip of the task's words."""

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Task:
    """What is to be told apart: `words`, other words as the class "unknown", and silence.

    A class for each of the words comes first; then those of unknown words and silence, always: the published
    networks for the ten digits have twelve outputs too. Without `unknown` there are no clips of other words.
    `silence` is "noise" (cuts of the background noise, in every split) or "zeros" (digital silence, in
    training only), as many as a tenth of the words.
    """

    words: tuple[str, ...]
    unknown: bool
    silence: str

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the target numbers."""
        return (*self.words, UNKNOWN, SILENCE)

    def has_silence(self, split: SplitName) -> bool:
        """Return whether the split has clips of silence."""
        return self.silence == NOISE or split == "train"

    def problems(self) -> list[Problem]:
        """Return what is wrong with it."""
        found = []
        if not self.words or len(set(self.class_names)) < len(self.class_names):
            what = f"{list(self.words)} are not different words"
            remedy = f"one word or more, each once, without {UNKNOWN} and {SILENCE}"
            found.append(Problem("data.words", what, remedy))
        if self.silence not in (NOISE, ZEROS):
            remedy = nearest(self.silence, (NOISE, ZEROS))
            found.append(Problem(f"data.silence={self.silence}", "no such silence", remedy))
        return found


def task_of(words: Sequence[str], unknown: bool, silence: str) -> Task:
    """Return the task of a config."""
    return Task(tuple(words), unknown, silence)


@dataclass(frozen=True)
class Recordings:
    """One split, as it lies on disk and in memory: the waveforms may be a memory map of the file.

    `waveforms` is (N, 16000) int16; `targets` is (N,) int64, an index into the task's class_names; `speakers`
    is (N,) str, who speaks each clip ("" for silence); `noise` is (M,) int16 with M ≥ 16000, background noise
    that belongs to this split alone.
    """

    waveforms: NDArray[np.int16]
    targets: NDArray[np.int64]
    speakers: NDArray[np.str_]
    noise: NDArray[np.int16]


class CommandSource(Protocol):
    """A data set of spoken words: `prepare` makes or fetches it once, `load` returns one split of it."""

    @property
    def task(self) -> Task:
        """What the targets are."""
        ...

    def prepare(self) -> None:
        """Put the data set on disk where it is not there yet; safe to call from several processes."""

    def load(self, split: SplitName) -> Recordings:
        """Return one split; calls `prepare` itself where that is still needed."""
        ...
