"""Words spoken by eSpeak NG, without an audio device, in a process of their own.

The library is global to its process and not safe with threads, and what it says depends on what it said
before (the phase of a voice's flutter survives even espeak_Terminate). A fresh process per list of utterances
is what makes the same list give the same samples, whoever asks and whatever was spoken before.

`synthesize` is the way in. Run as a module, this file is the child: utterances as JSON on standard input, the
samples to the file named by its only argument.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ESPEAK_SAMPLE_RATE = 22_050
"""Samples per second of what the voices of eSpeak NG say."""

# From eSpeak NG's public header, speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2  # as retrieval, and the callback runs inside espeak_Synth
_INITIALIZE_DONT_EXIT = 0x8000
_POS_CHARACTER = 1
_CHARS_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4


@dataclass(frozen=True)
class Utterance:
    """A word and how to say it.

    `voice` is "language+variant"; `rate` is in words per minute (80–450, 175 is usual); `pitch` and
    `pitch_range` go from 0 to 100 (50 is usual).
    """

    voice: str
    text: str
    rate: int
    pitch: int
    pitch_range: int


def synthesize(utterances: Sequence[Utterance]) -> list[NDArray[np.int16]]:
    """Speak the utterances, in order; returns the samples of each, mono int16 at ESPEAK_SAMPLE_RATE.

    Raises RuntimeError, with eSpeak NG's own words, when the library does not load or refuses a voice.
    """
    with tempfile.TemporaryDirectory(prefix="sigtune-speech-") as folder:
        output = Path(folder) / "speech.npz"
        # The child finds this package where this process found it, installed or not.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        child = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "sigtune.data.espeak", str(output)],
            input=json.dumps([astuple(utterance) for utterance in utterances]),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if child.returncode != 0:
            raise RuntimeError(f"eSpeak NG failed (exit code {child.returncode}): {child.stderr.strip()}")
        with np.load(output, allow_pickle=False) as members:
            samples, ends = members["samples"], members["ends"]
    return np.split(samples, ends[:-1]) if len(ends) else []


class _Espeak:
    """The library, initialised once; only for the child process."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        rate = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _INITIALIZE_DONT_EXIT
        )
        if rate != ESPEAK_SAMPLE_RATE:
            raise RuntimeError(f"espeak_Initialize returned {rate}, expected {ESPEAK_SAMPLE_RATE} Hz")
        # Breath is made of random numbers, which the library seeds with the clock.
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        self._chunks: list[NDArray[np.int16]] = []
        callback_type = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        # Kept as an attribute: the library holds only a bare pointer to it.
        self._callback = callback_type(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).astype(np.int16))
        return 0  # go on

    def say(self, utterance: Utterance) -> NDArray[np.int16]:
        self._chunks.clear()
        self._check(self._library.espeak_SetVoiceByName(utterance.voice.encode()), utterance)
        for parameter, value in (
            (_RATE, utterance.rate),
            (_PITCH, utterance.pitch),
            (_RANGE, utterance.pitch_range),
        ):
            self._check(self._library.espeak_SetParameter(parameter, value, 0), utterance)
        text = ctypes.create_string_buffer(utterance.text.encode())
        size = ctypes.c_size_t(len(text))
        self._check(
            self._library.espeak_Synth(text, size, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None), utterance
        )
        return np.concatenate(self._chunks) if self._chunks else np.zeros(0, dtype=np.int16)

    @staticmethod
    def _check(status: int, utterance: Utterance) -> None:
        if status != 0:
            raise RuntimeError(f"status {status} for {utterance}")


def _main(output: Path) -> None:
    espeak = _Espeak()
    spoken = [espeak.say(Utterance(*fields)) for fields in json.load(sys.stdin)]
    ends = np.cumsum([len(samples) for samples in spoken], dtype=np.int64)
    samples = np.concatenate(spoken) if spoken else np.zeros(0, dtype=np.int16)
    np.savez(output, allow_pickle=False, samples=samples, ends=ends)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
