"""Spoken words made on this machine: said by eSpeak NG's voices, with background noise beside them.

For whoever has no archive at hand: the tasks and the shape of Speech Commands, made once in a few seconds,
the same on every call.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sigtune.data.commands import (
    CLIP_SAMPLES,
    COMMANDS,
    EXTRA_SHARE,
    OTHER_WORDS,
    SAMPLE_RATE,
    SILENCE,
    SPLITS,
    UNKNOWN,
    ZEROS,
    Recordings,
    SplitName,
    Task,
)
from sigtune.data.espeak import ESPEAK_SAMPLE_RATE, Utterance, synthesize
from sigtune.data.recordings_cache import RecordingsCache
from sigtune.errors import Problem, UsageError

_MADE_BY = 4
"""Raise it when a change below alters the clips: caches of the older kind are then made again."""

ACCENTS = (
    "en",
    "en-us",
    "en-us-nyc",
    "en-029",
    "en-gb-scotland",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
)
"""eSpeak NG's English: Britain, America, New York, Caribbean, Scotland, RP, Lancaster, West Midlands."""

# fmt: off
# The variants that sound like a person; the robots and the ones with an echo are left out.
VARIANTS = (
    "Alex", "Alicia", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo",
    "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike", "Nguyen", "Reed", "adam", "anika", "announcer",
    "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "croak", "david", "ed", "edward", "edward2",
    "f1", "f2", "f3", "f4", "f5", "grandma", "grandpa", "gustave", "ian", "iven", "iven2", "iven3", "iven4",
    "john", "kaukovalta", "klatt", "klatt2", "klatt3", "klatt4", "linda", "m1", "m2", "m3", "m4", "m5", "m6",
    "m7", "m8", "marcelo", "max", "michel", "miguel", "mike2", "norbert", "pablo", "paul", "pedro", "quincy",
    "rob", "robert", "sandro", "shelby", "steph", "steph2", "steph3", "travis", "victor", "whisper",
    "whisperf", "zac",
)
# fmt: on
"""Speakers: each is heard in one split only, in any accent."""

_REVERBERATION_SECONDS = (0.15, 0.6)
_REVERBERANT_TO_DIRECT_DB = (-3.0, 12.0)
_TILT_DB_PER_OCTAVE = 6.0
_NOISE_SECONDS = {"train": 120, "validation": 40, "test": 40}
_LOUDNESS = 0.05 * 32768  # root mean square of every clip and of the noise, in int16 units
_CHUNK = 256  # clips resampled at a time: bounds the memory


@dataclass(frozen=True)
class _Clip:
    """What is to be said in one clip, and the class it counts as."""

    target: int
    speaker: str
    utterance: Utterance


class SyntheticCommands:
    """The synthetic data set of a task; a CommandSource.

    Each split holds the number of clips that `sizes` has for it: spread to within one clip over the classes
    that it has, but of zeros as silence there is one to every ten words. Speakers (the variants of eSpeak NG)
    are disjoint between splits, and so is the background noise; `train_voices` is the share of the speakers
    that the training hears, validation and test have half of the others each. `seed` chooses speakers, words
    and ways of speaking; equal arguments give equal samples in every process. Raises UsageError
    (`data.train_size` and so on, `data.data_seed`) for what cannot be made.
    """

    def __init__(
        self,
        data_dir: str | Path,
        task: Task,
        sizes: Mapping[SplitName, int],
        seed: int,
        train_voices: float,
    ) -> None:
        self.task = task
        self.sizes = {split: sizes[split] for split in SPLITS}
        self.seed = seed
        self.train_voices = train_voices
        self._check()
        parameters = {
            "sizes": self.sizes,
            "seed": seed,
            "train_voices": train_voices,
            "made_by": _MADE_BY,
            "espeakng_loader": version("espeakng-loader"),
        }
        folder = Path(data_dir) / "synthetic_commands"
        self.cache = RecordingsCache(folder, "synthetic_commands", task, parameters)

    def _check(self) -> None:
        problems = self.task.problems()
        for split, size in self.sizes.items():
            classes = len(self.task.words) + self.task.unknown + self.task.has_silence(split)
            if size < classes:
                what = f"{size} clips cannot hold {classes} classes"
                problems.append(Problem(f"data.{split}_size", what, f"{classes} or more"))
        if self.seed < 0:
            problems.append(Problem("data.data_seed", f"{self.seed} is negative", "0 or more"))
        shares = _voices(self.train_voices)
        if min(shares.values()) < 1:
            what = f"{self.train_voices:g} leaves a split without one of the {len(VARIANTS)} voices"
            problems.append(Problem("data.train_voices", what, "such as 0.25"))
        if problems:
            raise UsageError(problems)

    def prepare(self) -> None:
        """Make the data set where it is not on disk yet."""
        self.cache.ensure(self._make)

    def load(self, split: SplitName) -> Recordings:
        """Return a split, made first where that is needed; UsageError when data_dir cannot be written."""
        return self.cache.load(split, self._make)

    def _make(self) -> dict[SplitName, Recordings]:
        generator = np.random.default_rng(self.seed)
        speakers = _share_speakers(self.train_voices, generator)
        plans = {
            split: list(_plan(self.task, split, self.sizes[split], speakers[split], generator))
            for split in SPLITS
        }
        # One process says everything: starting it and loading the voices is most of the cost.
        spoken = synthesize([clip.utterance for split in SPLITS for clip in plans[split]])
        made: dict[SplitName, Recordings] = {}
        for split in SPLITS:
            words, spoken = spoken[: len(plans[split])], spoken[len(plans[split]) :]
            made[split] = self._record(split, plans[split], words, generator)
        return made

    def _record(
        self,
        split: SplitName,
        clips: Sequence[_Clip],
        spoken: Sequence[NDArray[np.int16]],
        generator: np.random.Generator,
    ) -> Recordings:
        """Make a split of its words: clips of one second, background noise, and silences."""
        chunks = [_to_clips(spoken[start : start + _CHUNK]) for start in range(0, len(spoken), _CHUNK)]
        words = np.concatenate([_to_loudness(_in_rooms(chunk, generator)) for chunk in chunks])
        noise = _background_noise(words, _NOISE_SECONDS[split], generator)
        silences = self.sizes[split] - len(words)
        silence = np.zeros((silences, CLIP_SAMPLES), dtype=np.int16)
        if self.task.silence != ZEROS:
            starts = generator.integers(0, len(noise) - CLIP_SAMPLES, silences, endpoint=True)
            silence = np.lib.stride_tricks.sliding_window_view(noise, CLIP_SAMPLES)[starts]
        targets = [clip.target for clip in clips] + [self.task.class_names.index(SILENCE)] * silences
        return Recordings(
            waveforms=np.concatenate([words, silence]),
            targets=np.array(targets, dtype=np.int64),
            speakers=np.array([clip.speaker for clip in clips] + [""] * silences),
            noise=noise,
        )


def _voices(train_voices: float) -> dict[SplitName, int]:
    """Return how many of the speakers each split hears."""
    train = round(len(VARIANTS) * train_voices)
    validation = round(len(VARIANTS) * (1 - train_voices) / 2)
    return {"train": train, "validation": validation, "test": len(VARIANTS) - train - validation}


def _share_speakers(train_voices: float, generator: np.random.Generator) -> dict[SplitName, list[str]]:
    """Deal the variants out to the splits, each to one."""
    shuffled = [str(name) for name in generator.permutation(np.array(VARIANTS))]
    shares: dict[SplitName, list[str]] = {}
    for split, count in _voices(train_voices).items():
        shares[split], shuffled = shuffled[:count], shuffled[count:]
    return shares


def _targets(task: Task, split: SplitName, size: int) -> list[int]:
    """Return the class of each of `size` clips."""
    classes = list(range(len(task.words)))
    classes += [task.class_names.index(UNKNOWN)] if task.unknown else []
    silence = task.class_names.index(SILENCE)
    if task.silence == ZEROS:
        silences = round(size * EXTRA_SHARE / (1 + EXTRA_SHARE)) if task.has_silence(split) else 0
        spoken = [classes[index % len(classes)] for index in range(size - silences)]
        return spoken + [silence] * silences
    classes.append(silence)
    return [classes[index % len(classes)] for index in range(size)]


def _plan(
    task: Task, split: SplitName, size: int, speakers: Sequence[str], generator: np.random.Generator
) -> Iterator[_Clip]:
    """Say what the words of a split will be; its silences are made without a voice."""
    others = [word for word in (*COMMANDS, *OTHER_WORDS) if word not in task.words]
    for target in _targets(task, split, size):
        name = task.class_names[target]
        if name == SILENCE:
            continue
        text = str(generator.choice(others)) if name == UNKNOWN else name
        speaker = str(generator.choice(speakers))
        utterance = Utterance(
            voice=f"{generator.choice(ACCENTS)}+{speaker}",
            text=text,
            rate=int(generator.integers(100, 340)),
            pitch=int(generator.integers(0, 100)),
            pitch_range=int(generator.integers(0, 100)),
        )
        yield _Clip(target, speaker, utterance)


def _to_clips(spoken: Sequence[NDArray[np.int16]]) -> NDArray[np.floating]:
    """Return (len(spoken), 16000) clips, each word in the middle of its second.

    A second is cut out at the voices' own sample rate first, so that resampling is exact but for a constant
    factor: the same number of whole periods, with the spectrum cut off at 8 kHz.
    """
    seconds = np.zeros((len(spoken), ESPEAK_SAMPLE_RATE), dtype=np.float32)
    for row, samples in zip(seconds, spoken, strict=True):
        word = _trim(samples)[:ESPEAK_SAMPLE_RATE]
        start = (ESPEAK_SAMPLE_RATE - len(word)) // 2
        row[start : start + len(word)] = word
    spectrum = np.fft.rfft(seconds)[:, : CLIP_SAMPLES // 2 + 1]
    return np.fft.irfft(spectrum, CLIP_SAMPLES)


def _in_rooms(clips: NDArray[np.floating], generator: np.random.Generator) -> NDArray[np.floating]:
    """Hear each clip in a room and through a microphone of its own; (N, 16000) in and out.

    The room's response is the direct sound and noise that decays by 60 dB in the reverberation time (Polack's
    model); the microphone tilts the spectrum by a constant number of dB per octave, pivoting at 1 kHz.
    """
    column = (len(clips), 1)
    seconds = np.arange(CLIP_SAMPLES, dtype=np.float32) / SAMPLE_RATE
    decay_rates = math.log(1000.0) / generator.uniform(*_REVERBERATION_SECONDS, column).astype(np.float32)
    responses = generator.standard_normal(clips.shape, dtype=np.float32) * np.exp(-seconds * decay_rates)
    responses /= np.linalg.norm(responses, axis=1, keepdims=True)
    levels = generator.uniform(*_REVERBERANT_TO_DIRECT_DB, column).astype(np.float32)
    responses *= 10.0 ** (levels / 20.0)
    responses[:, 0] += 1.0

    length = 2 * CLIP_SAMPLES  # room for the whole convolution, so that its end does not wrap around
    octaves = np.log2(np.maximum(np.fft.rfftfreq(length, 1 / SAMPLE_RATE), 100.0) / 1000.0).astype(np.float32)
    tilts = generator.uniform(-_TILT_DB_PER_OCTAVE, _TILT_DB_PER_OCTAVE, column).astype(np.float32)
    spectra = np.fft.rfft(clips, length) * np.fft.rfft(responses, length)
    return np.fft.irfft(spectra * 10.0 ** (tilts * octaves / 20.0), length)[:, :CLIP_SAMPLES]


def _trim(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Drop what is more than 40 dB below the peak at both ends."""
    magnitudes = np.abs(samples.astype(np.int32))
    if not magnitudes.any():
        raise RuntimeError("eSpeak NG said nothing: a voice of this installation is broken")
    loud = np.flatnonzero(magnitudes > magnitudes.max() / 100)
    return samples[loud[0] : loud[-1] + 1]


def _to_loudness(signals: NDArray[np.floating]) -> NDArray[np.int16]:
    """Scale each row to the common loudness; the rare peak above full scale is clipped."""
    levels = np.sqrt(np.mean(np.square(signals), axis=-1, keepdims=True))
    scaled: NDArray[np.floating] = np.clip(np.rint(signals * (_LOUDNESS / levels)), -32768, 32767)
    return scaled.astype(np.int16)


def _background_noise(
    words: NDArray[np.int16], seconds: int, generator: np.random.Generator
) -> NDArray[np.int16]:
    """Return noise, a quarter each: white, pink (power 1/f), brown (1/f²) and several voices at once."""
    quarter = seconds // 4
    length = quarter * SAMPLE_RATE
    parts = [_coloured_noise(length, exponent, generator) for exponent in (0.0, 0.5, 1.0)]
    voices = 6  # enough that no word stands out, few enough to sound like speech
    babble = words[generator.integers(0, len(words), (voices, quarter))].astype(np.float64)
    lags = generator.integers(0, length, voices)
    parts.append(
        np.sum([np.roll(voice.ravel(), lag) for voice, lag in zip(babble, lags, strict=True)], axis=0)
    )
    return np.concatenate([_to_loudness(part) for part in parts])


def _coloured_noise(length: int, exponent: float, generator: np.random.Generator) -> NDArray[np.floating]:
    """Return Gaussian noise whose amplitude falls as 1 / frequency**exponent above 20 Hz."""
    spectrum = np.fft.rfft(generator.standard_normal(length))
    frequencies = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    return np.fft.irfft(spectrum / np.maximum(frequencies, 20.0) ** exponent, length)
