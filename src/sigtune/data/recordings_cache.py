"""Decoded splits kept on disk: written whole or not at all, checked when read, made again when not right."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from sigtune.data.commands import CLIP_SAMPLES, SPLITS, Recordings, SplitName, Task
from sigtune.errors import Problem, UsageError

FORMAT = 2
"""Raise it when what a cache file holds changes; older files are then made again."""

_CHUNK_BYTES = 1 << 20

# What reading may raise; the last two where a lone array is found instead of an archive.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    EOFError,
    OSError,
    TypeError,
    AttributeError,
)


@contextmanager
def blaming_data_dir(folder: Path) -> Iterator[None]:
    """Turn what the disk refuses inside the block into a UsageError (`data.data_dir`)."""
    try:
        yield
    except OSError as error:
        problem = f"cannot keep the data set in {folder}: {error.strerror or error}"
        remedy = "a folder that can be written, with enough space"
        raise UsageError([Problem("data.data_dir", problem, remedy)]) from error


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Let one process at a time into the block; makes the folder. UsageError where that cannot be written."""
    lock = FileLock(folder / f"{name}.lock")
    with blaming_data_dir(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class RecordingsCache:
    """The splits of one data set, each an uncompressed .npz whose members carry the zip format's CRC-32.

    `task` and `parameters` are everything that the content depends on: a digest of it is in the file names,
    and the whole of it in the files, so that another version's or another configuration's file is never taken
    for this one.
    """

    def __init__(self, folder: Path, name: str, task: Task, parameters: Mapping[str, object]) -> None:
        self.folder = folder
        self.name = name
        self.classes = len(task.class_names)
        header = {"format": FORMAT, "name": name, **asdict(task), **parameters}
        self.header = json.dumps(header, sort_keys=True)
        self._digest = hashlib.sha256(self.header.encode()).hexdigest()[:12]

    def path(self, split: SplitName) -> Path:
        """Return the file that holds a split."""
        return self.folder / f"{self.name}-{self._digest}-{split}.npz"

    def ensure(self, build: Callable[[], Mapping[SplitName, Recordings]]) -> None:
        """Build every split where one is missing or is not what its name says; reads no waveforms."""
        if not self._is_complete():
            self._build(build, self._is_complete)

    def load(self, split: SplitName, build: Callable[[], Mapping[SplitName, Recordings]]) -> Recordings:
        """Return a split, built first where it is missing, foreign or damaged.

        Raises UsageError (`data.data_dir`) when the folder cannot be written.
        """
        recordings = self._read(split)
        if recordings is None:
            self._build(build, lambda: self._read(split) is not None)
            recordings = self._read(split)
        if recordings is None:
            raise OSError(f"{self.path(split)} was written but does not read back: is the disk failing?")
        return recordings

    def _is_complete(self) -> bool:
        return all(self._has_header(split) for split in SPLITS)

    def _has_header(self, split: SplitName) -> bool:
        try:
            with self.path(split).open("rb") as file, np.load(file, allow_pickle=False) as members:
                return str(members["header"]) == self.header
        except _DAMAGED:
            return False

    def _read(self, split: SplitName) -> Recordings | None:
        try:
            with self.path(split).open("rb") as file, np.load(file, allow_pickle=False) as members:
                if str(members["header"]) != self.header:
                    return None
                waveforms = _memory_map(self.path(split), "waveforms")
                recordings = Recordings(waveforms, members["targets"], members["speakers"], members["noise"])
        except _DAMAGED:
            return None
        return recordings if _is_sound(recordings, self.classes) else None

    def _build(
        self, build: Callable[[], Mapping[SplitName, Recordings]], is_there: Callable[[], bool]
    ) -> None:
        with locked(self.folder, f"{self.name}-{self._digest}"):
            if is_there():  # another process was first
                return
            splits = build()
            with blaming_data_dir(self.folder):
                for split, recordings in splits.items():
                    self._write(split, recordings)

    def _write(self, split: SplitName, recordings: Recordings) -> None:
        path = self.path(split)
        # Only the holder of the lock writes, so one name will do, and a killed writer leaves one file.
        partial = path.with_suffix(".part")
        try:
            with partial.open("wb") as file:
                np.savez(
                    file,
                    allow_pickle=False,
                    header=np.array(self.header),
                    waveforms=recordings.waveforms,
                    targets=recordings.targets,
                    speakers=recordings.speakers,
                    noise=recordings.noise,
                )
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _memory_map(path: Path, name: str) -> NDArray[Any]:
    """Return an array of an .npz file without reading it into memory; private to this process when written.

    The file is read once to check the CRC-32, which is done piece by piece.
    """
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        member = archive.getinfo(f"{name}.npy")
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed")
        with archive.open(member) as content:
            while content.read(_CHUNK_BYTES):
                pass
        # A member's header has two texts of any length, and then comes the array's file, with its own header.
        file.seek(member.header_offset + 26)
        name_length, extra_length = struct.unpack("<HH", file.read(4))
        file.seek(name_length + extra_length, os.SEEK_CUR)
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{name} is not in version 1.0 of numpy's format")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return np.memmap(path, dtype, "c", file.tell(), shape)


def _is_sound(recordings: Recordings, classes: int) -> bool:
    count = len(recordings.waveforms)
    return (
        recordings.waveforms.shape == (count, CLIP_SAMPLES)
        and recordings.waveforms.dtype == np.int16
        and recordings.targets.shape == (count,)
        and recordings.targets.dtype == np.int64
        and bool(np.isin(recordings.targets, np.arange(classes)).all())
        and recordings.speakers.shape == (count,)
        and recordings.noise.dtype == np.int16
        and recordings.noise.ndim == 1
        and len(recordings.noise) >= CLIP_SAMPLES
    )
