import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sigtune.data.commands import CLASS_NAMES, SPLITS, SplitName
from sigtune.data.synthetic_commands import UNKNOWN_WORDS, VARIANTS, SyntheticCommands, _in_rooms, _to_clips
from sigtune.errors import UsageError

SIZES: dict[SplitName, int] = {"train": 60, "validation": 24, "test": 24}

PRINT_DIGESTS = f"""
import hashlib, sys
from sigtune.data.synthetic_commands import SyntheticCommands
source = SyntheticCommands(sys.argv[1], {SIZES!r}, seed=0)
for split in ("train", "validation", "test"):
    recordings = source.load(split)
    names = ("waveforms", "targets", "speakers", "noise")
    content = b"".join(getattr(recordings, name).tobytes() for name in names)
    print(hashlib.sha256(content).hexdigest())
"""


def digests(source: SyntheticCommands) -> list[str]:
    names = ("waveforms", "targets", "speakers", "noise")
    splits = [source.load(split) for split in SPLITS]
    return [
        hashlib.sha256(b"".join(getattr(part, name).tobytes() for name in names)).hexdigest()
        for part in splits
    ]


def start_process(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", PRINT_DIGESTS, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_is_balanced_and_in_16_bits(synthetic: SyntheticCommands, split: SplitName) -> None:
    recordings = synthetic.load(split)
    assert recordings.waveforms.shape == (SIZES[split], 16_000)
    assert recordings.waveforms.dtype == np.int16
    assert recordings.targets.dtype == np.int64
    assert np.bincount(recordings.targets).tolist() == [SIZES[split] // 12] * 12
    loudness = np.sqrt(np.mean(np.square(recordings.waveforms / 32768), axis=1))
    words = recordings.targets != CLASS_NAMES.index("silence")
    np.testing.assert_allclose(loudness[words], 0.05, rtol=0.05)


def test_no_voice_is_heard_in_two_splits(synthetic: SyntheticCommands) -> None:
    voices = [set(synthetic.load(split).speakers) - {""} for split in SPLITS]
    assert all(len(heard) >= 5 for heard in voices)
    assert len(set.union(*voices)) == sum(len(heard) for heard in voices)
    assert set.union(*voices) <= set(VARIANTS)


def test_no_clip_and_no_noise_is_in_two_splits(synthetic: SyntheticCommands) -> None:
    splits = [synthetic.load(split) for split in SPLITS]
    clips = [row.tobytes() for part in splits for row in part.waveforms]
    assert len(set(clips)) == len(clips)
    seconds = [row.tobytes() for part in splits for row in part.noise.reshape(-1, 16_000)]
    assert len(set(seconds)) == len(seconds)


def test_silence_is_spoken_by_nobody_and_cut_from_the_noise_of_its_split(
    synthetic: SyntheticCommands,
) -> None:
    recordings = synthetic.load("validation")
    silent = recordings.targets == CLASS_NAMES.index("silence")
    assert (recordings.speakers[silent] == "").all()
    assert (recordings.speakers[~silent] != "").all()
    noise = recordings.noise.tobytes()
    assert all(noise.find(clip.tobytes()) >= 0 for clip in recordings.waveforms[silent])


def test_unknown_words_are_none_of_the_commands() -> None:
    assert not set(UNKNOWN_WORDS) & set(CLASS_NAMES)


def test_sizes_that_twelve_does_not_divide_differ_by_one_clip_at_most(tmp_path: Path) -> None:
    sizes: dict[SplitName, int] = {"train": 17, "validation": 13, "test": 12}
    counts = np.bincount(SyntheticCommands(tmp_path, sizes, seed=0).load("train").targets, minlength=12)
    assert counts.sum() == 17
    assert set(counts.tolist()) == {1, 2}


def test_another_process_makes_the_same_samples(synthetic: SyntheticCommands, tmp_path: Path) -> None:
    process = start_process(tmp_path / "elsewhere")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert output.split() == digests(synthetic)


def test_two_processes_at_once_make_one_good_cache(synthetic: SyntheticCommands, tmp_path: Path) -> None:
    processes = [start_process(tmp_path) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0].split() for process in processes]
    assert outputs == [digests(synthetic)] * 2
    left = sorted(path.suffix for path in (tmp_path / "synthetic_commands").iterdir())
    assert left == [".lock", ".npz", ".npz", ".npz"]


def test_another_seed_gives_other_words_and_voices(synthetic: SyntheticCommands, tmp_path: Path) -> None:
    other = SyntheticCommands(tmp_path, SIZES, seed=1)
    assert set(digests(other)).isdisjoint(digests(synthetic))


def test_every_wrong_argument_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        SyntheticCommands(tmp_path, {"train": 11, "validation": 12, "test": 0}, seed=-1)
    assert [problem.key for problem in caught.value.problems] == [
        "data.train_size",
        "data.test_size",
        "data.data_seed",
    ]


def test_a_word_is_resampled_exactly_and_centred() -> None:
    time = np.arange(8820) / 22_050
    word = np.rint(8000 * np.sin(2 * np.pi * 440 * time) * np.hanning(8820)).astype(np.int16)
    padded = np.concatenate([np.zeros(5000, np.int16), word, np.zeros(300, np.int16)])
    clip = _to_clips([padded])[0]
    magnitudes = np.abs(clip)
    centre = (magnitudes * np.arange(16_000)).sum() / magnitudes.sum()
    assert abs(centre - 8000) < 20
    spectrum = np.abs(np.fft.rfft(clip))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert clip.max() * 16_000 / 22_050 == pytest.approx(8000, rel=0.02)


def test_a_word_of_more_than_a_second_is_cut() -> None:
    word = np.full(40_000, 5000, dtype=np.int16)
    assert _to_clips([word]).shape == (1, 16_000)


def test_a_room_answers_after_the_direct_sound_and_dies_away() -> None:
    click = np.zeros((4, 16_000))
    click[:, 4000] = 1000.0
    heard = _in_rooms(click, np.random.default_rng(0))
    energy = np.square(heard)
    assert energy[:, 4000:4400].sum() > 10 * energy[:, 8000:8400].sum()
    # The tilt of the microphone is the same forwards and backwards in time: only little comes early.
    assert (energy[:, :3900].sum(axis=1) < 0.02 * energy.sum(axis=1)).all()
