import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.patience import PATIENCE_SECONDS

from sigtune.data.commands import COMMANDS, OTHER_WORDS, SPLITS, SplitName, Task
from sigtune.data.synthetic_commands import VARIANTS, SyntheticCommands, _in_rooms, _to_clips
from sigtune.errors import UsageError

SIZES: dict[SplitName, int] = {"train": 60, "validation": 24, "test": 24}
TWELVE = Task(COMMANDS, unknown=True, silence="noise")
DIGITS = Task(OTHER_WORDS[:10], unknown=False, silence="zeros")

PRINT_DIGESTS = f"""
import hashlib, sys
from sigtune.data.commands import COMMANDS, Task
from sigtune.data.synthetic_commands import SyntheticCommands
source = SyntheticCommands(sys.argv[1], Task(COMMANDS, True, "noise"), {SIZES!r}, 0, 0.25)
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
    words = recordings.targets != TWELVE.class_names.index("silence")
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
    silent = recordings.targets == TWELVE.class_names.index("silence")
    assert (recordings.speakers[silent] == "").all()
    assert (recordings.speakers[~silent] != "").all()
    noise = recordings.noise.tobytes()
    assert all(noise.find(clip.tobytes()) >= 0 for clip in recordings.waveforms[silent])


def test_unknown_words_are_none_of_the_commands() -> None:
    assert not set(OTHER_WORDS) & set(TWELVE.class_names)


def test_sizes_that_twelve_does_not_divide_differ_by_one_clip_at_most(tmp_path: Path) -> None:
    sizes: dict[SplitName, int] = {"train": 17, "validation": 13, "test": 12}
    counts = np.bincount(
        SyntheticCommands(tmp_path, TWELVE, sizes, 0, 0.25).load("train").targets, minlength=12
    )
    assert counts.sum() == 17
    assert set(counts.tolist()) == {1, 2}


def test_another_process_makes_the_same_samples(synthetic: SyntheticCommands, tmp_path: Path) -> None:
    process = start_process(tmp_path / "elsewhere")
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, errors
    assert output.split() == digests(synthetic)


def test_two_processes_at_once_make_one_good_cache(synthetic: SyntheticCommands, tmp_path: Path) -> None:
    processes = [start_process(tmp_path) for _ in range(2)]
    outputs = [process.communicate(timeout=PATIENCE_SECONDS)[0].split() for process in processes]
    assert outputs == [digests(synthetic)] * 2
    left = sorted(path.suffix for path in (tmp_path / "synthetic_commands").iterdir())
    assert left == [".lock", ".npz", ".npz", ".npz"]


def test_another_seed_gives_other_words_and_voices(synthetic: SyntheticCommands, tmp_path: Path) -> None:
    other = SyntheticCommands(tmp_path, TWELVE, SIZES, 1, 0.25)
    assert set(digests(other)).isdisjoint(digests(synthetic))


def test_every_wrong_argument_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        SyntheticCommands(tmp_path, TWELVE, {"train": 11, "validation": 12, "test": 0}, -1, 0.995)
    names = ("train_size", "test_size", "data_seed", "train_voices")
    assert [problem.key for problem in caught.value.problems] == [f"data.{name}" for name in names]


@pytest.mark.parametrize("words", [(), ("one", "one"), ("one", "silence")])
def test_words_that_make_no_task_are_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        SyntheticCommands(tmp_path, Task(words, True, "nothing"), SIZES, 0, 0.25)
    assert [problem.key for problem in caught.value.problems][:2] == ["data.words", "data.silence=nothing"]


def test_digits_have_no_unknown_words_and_zeros_as_silence_in_training_only(tmp_path: Path) -> None:
    source = SyntheticCommands(tmp_path, DIGITS, {"train": 55, "validation": 20, "test": 11}, 0, 0.6)
    train, validation, test = (source.load(split) for split in SPLITS)
    assert np.bincount(train.targets).tolist() == [5] * 10 + [0, 5]
    assert not train.waveforms[train.targets == 11].any()
    assert np.bincount(validation.targets).tolist() == [2] * 10
    assert np.bincount(test.targets).tolist() == [2] + [1] * 9
    assert len(set(train.speakers)) > len(set(test.speakers))


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
