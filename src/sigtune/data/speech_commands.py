"""Google Speech Commands (arXiv 1804.03209): the usual task of twelve classes, or the ten digits."""

from __future__ import annotations

import hashlib
import math
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sigtune.data.archive import Archive
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
from sigtune.data.recordings_cache import RecordingsCache
from sigtune.errors import Problem, UsageError, nearest

_PUBLISHER = "https://storage.googleapis.com/download.tensorflow.org/data"
PUBLISHED = {
    "v0.01": Archive(
        f"{_PUBLISHER}/speech_commands_v0.01.tar.gz",
        "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
    ),
    "v0.02": Archive(
        f"{_PUBLISHER}/speech_commands_v0.02.tar.gz",
        "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
    ),
}
"""The two published versions. The checksums are those that torchaudio documents for its SPEECHCOMMANDS."""

_NOISE_FOLDER = "_background_noise_"
_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
_NOISE_SHARE = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}
PADDINGS = ("both", "end")
"""Where words shorter than a second get zeros."""


@dataclass(frozen=True)
class _Word:
    """One file of the archive."""

    path: Path
    word: str

    @property
    def speaker(self) -> str:
        """The part of the file name that stands for a person, as the archive's README says."""
        return self.path.stem.partition("_nohash_")[0]


class SpeechCommands:
    """Speech Commands v0.02 or v0.01; a CommandSource.

    All clips of the task's words, in the archive's own splits; to every ten of them, rounded up, one unknown
    word (drawn by `seed` from the other words of the split) where the task has them, and one silence: a cut
    of the background noise, or zeros, which are rounded down as published. Each background recording is cut
    in time, 80 : 10 : 10, so that no split hears another's noise. Words shorter than a second get zeros on
    both sides, or at the end: `padding`.

    `root` is a folder that holds the unpacked archive; without it the archive is downloaded below `data_dir`.
    `url` and `sha256` name another archive of the same layout, and go together. The decoded clips are cached
    below `data_dir`, and the archive is not needed again.
    """

    def __init__(
        self,
        data_dir: str | Path,
        task: Task,
        *,
        padding: str,
        version: str,
        seed: int,
        root: str | Path | None = None,
        url: str | None = None,
        sha256: str | None = None,
    ) -> None:
        is_published = root is None and url is None
        problems = task.problems() + _argument_problems(version, url, sha256, seed, padding)
        if problems := problems or (_word_problems(task) if is_published else []):
            raise UsageError(problems)
        self.task = task
        self.padding = padding
        self.data_dir = Path(data_dir)
        self.root = Path(root) if root is not None else None
        self.version = version
        self.archive = Archive(url, sha256) if url and sha256 else PUBLISHED[version]
        self.seed = seed

    @property
    def folder(self) -> Path:
        """Where the unpacked archive is, or will be: the checksum in its name keeps archives apart."""
        name = f"speech_commands_{self.version}_{self.archive.sha256[:8].lower()}"
        return self.root or self.data_dir / "speech_commands" / name

    @cached_property
    def cache(self) -> RecordingsCache:
        """The decoded clips; for a folder of the user's, its lists tell one content from another."""
        content = self.archive.sha256.lower()
        if self.root is not None:
            lists = b"".join(_read_list(self.root / name) for name in _LISTS.values())
            content = f"{self.root.resolve()} {hashlib.sha256(lists).hexdigest()}"
        name = f"speech_commands_{self.version}"
        parameters = {"content": content, "seed": self.seed, "padding": self.padding}
        return RecordingsCache(self.data_dir / "speech_commands", name, self.task, parameters)

    def prepare(self) -> None:
        """Download, unpack and decode what is not on disk yet.

        Raises UsageError: see `Archive.unpack_into`; `data.root` for a folder in which something is missing.
        """
        self.cache.ensure(self._decode)

    def load(self, split: SplitName) -> Recordings:
        """Return a split; prepares it where that is needed, and raises what `prepare` raises."""
        return self.cache.load(split, self._decode)

    def _decode(self) -> dict[SplitName, Recordings]:
        if self.root is None:
            self.archive.unpack_into(self.folder)
        _check_layout(self.folder, self.task, "data.url" if self.root is None else "data.root")
        words = _list_words(self.folder)
        noises = [_read_wav(path) for path in sorted((self.folder / _NOISE_FOLDER).glob("*.wav"))]
        return {
            split: self._record(split, words[split], noises, np.random.default_rng([self.seed, index]))
            for index, split in enumerate(SPLITS)
        }

    def _record(
        self,
        split: SplitName,
        words: Sequence[_Word],
        noises: Iterable[NDArray[np.int16]],
        generator: np.random.Generator,
    ) -> Recordings:
        """Decode a split: its words, then unknown words, then silences."""
        task = self.task
        spoken = [word for word in words if word.word in task.words]
        targets = [task.words.index(word.word) for word in spoken]
        noise = _noise_of(split, noises)
        extra = math.ceil(len(spoken) * EXTRA_SHARE)
        others = _others(split, words, task, extra, generator)
        silences = math.floor(len(spoken) * EXTRA_SHARE) if task.silence == ZEROS else extra
        silences = silences if task.has_silence(split) else 0

        spoken += others
        waveforms = np.zeros((len(spoken) + silences, CLIP_SAMPLES), dtype=np.int16)
        for row, word in zip(waveforms, spoken, strict=False):
            samples = _read_wav(word.path)[:CLIP_SAMPLES]
            start = (CLIP_SAMPLES - len(samples)) // 2 if self.padding == "both" else 0
            row[start : start + len(samples)] = samples
        if task.silence != ZEROS:
            starts = generator.integers(0, len(noise) - CLIP_SAMPLES, silences, endpoint=True)
            waveforms[len(spoken) :] = np.lib.stride_tricks.sliding_window_view(noise, CLIP_SAMPLES)[starts]
        targets += [task.class_names.index(UNKNOWN)] * len(others)
        targets += [task.class_names.index(SILENCE)] * silences
        speakers = [word.speaker for word in spoken] + [""] * silences
        return Recordings(waveforms, np.array(targets, dtype=np.int64), np.array(speakers), noise)


def _argument_problems(
    version: str, url: str | None, sha256: str | None, seed: int, padding: str
) -> list[Problem]:
    problems = []
    if version not in PUBLISHED:
        problems.append(Problem("data.version", f"{version!r} is not known", " or ".join(PUBLISHED)))
    if (url is None) != (sha256 is None):
        missing, given = ("data.sha256", "data.url") if sha256 is None else ("data.url", "data.sha256")
        remedy = "set both, or neither for the published archive"
        problems.append(Problem(missing, f"missing beside {given}", remedy))
    if seed < 0:
        problems.append(Problem("data.data_seed", f"{seed} is negative", "0 or more"))
    if padding not in PADDINGS:
        problems.append(Problem(f"data.padding={padding}", "no such padding", nearest(padding, PADDINGS)))
    return problems


def _word_problems(task: Task) -> list[Problem]:
    """Return the words that no published archive has, before one is downloaded."""
    known = (*COMMANDS, *OTHER_WORDS)
    return [
        Problem("data.words", f"{word!r} is not a word of Speech Commands", nearest(word, known))
        for word in task.words
        if word not in known
    ]


def _check_layout(folder: Path, task: Task, key: str) -> None:
    """Find everything that the folder lacks, before anything is read."""
    names = [*task.words, _NOISE_FOLDER]
    missing = [f"{name}/*.wav" for name in names if not any((folder / name).glob("*.wav"))]
    missing += [name for name in _LISTS.values() if not (folder / name).is_file()]
    if missing:
        remedy = "Speech Commands, unpacked: a folder for each word, the noise and the lists"
        raise UsageError([Problem(key, f"{folder} has no {name}", remedy) for name in missing])


def _read_list(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        problem = f"cannot read {path}: {error.strerror}"
        remedy = "the folder into which Speech Commands was unpacked"
        raise UsageError([Problem("data.root", problem, remedy)]) from error


def _list_words(folder: Path) -> dict[SplitName, list[_Word]]:
    """Deal all words out to the splits, as the archive's lists say; in the order of their names."""
    held_out: dict[str, SplitName] = {}
    for split in SPLITS[1:]:
        lines = _read_list(folder / _LISTS[split]).decode(errors="replace").split()
        held_out.update(dict.fromkeys(lines, split))
    words: dict[SplitName, list[_Word]] = {split: [] for split in SPLITS}
    for word_folder in sorted(
        path for path in folder.iterdir() if path.is_dir() and path.name != _NOISE_FOLDER
    ):
        for path in sorted(word_folder.glob("*.wav")):
            name = f"{word_folder.name}/{path.name}"
            words[held_out.get(name, "train")].append(_Word(path, word_folder.name))
    return words


def _others(
    split: SplitName, words: Sequence[_Word], task: Task, count: int, generator: np.random.Generator
) -> list[_Word]:
    """Return `count` words that are not the task's, if it has a class for them."""
    if not task.unknown:
        return []
    others = [word for word in words if word.word not in task.words]
    if not count or len(others) < count:
        problem = f"the {split} split has {len(words) - len(others)} commands and {len(others)} other words"
        remedy = "an archive with a tenth as many other words as commands in every split"
        raise UsageError([Problem("data.root", problem, remedy)])
    return [others[index] for index in sorted(generator.permutation(len(others))[:count])]


def _noise_of(split: SplitName, noises: Iterable[NDArray[np.int16]]) -> NDArray[np.int16]:
    """Return the split's stretch of every background recording, one after the other."""
    first, last = _NOISE_SHARE[split]
    noise = np.concatenate([part[round(len(part) * first) : round(len(part) * last)] for part in noises])
    if len(noise) < CLIP_SAMPLES:
        problem = f"{_NOISE_FOLDER} leaves the {split} split less than a second of noise"
        raise UsageError([Problem("data.root", problem, "recordings of ten seconds or more in all")])
    return noise


def _read_wav(path: Path) -> NDArray[np.int16]:
    """Read 16-bit mono PCM at 16 kHz, which is all that the archive holds."""
    try:
        with wave.open(str(path), "rb") as file:
            found = (file.getnchannels(), 8 * file.getsampwidth(), file.getframerate())
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise UsageError(
            [Problem("data.root", f"cannot read {path}: {error}", "an undamaged WAV file")]
        ) from error
    if found != (1, 16, SAMPLE_RATE):
        what = "{} is {} channel(s) of {} bit at {} Hz".format(path, *found)
        raise UsageError([Problem("data.root", what, f"1 channel of 16 bit at {SAMPLE_RATE} Hz")])
    return np.frombuffer(frames, dtype="<i2").astype(np.int16)
