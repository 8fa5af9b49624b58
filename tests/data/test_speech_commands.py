import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.data.archives import Files, Publisher, encode_wav, pack
from tests.patience import PATIENCE_SECONDS

from sigtune.data.commands import COMMANDS, SPLITS, SplitName, Task
from sigtune.data.speech_commands import SpeechCommands
from sigtune.errors import Problem, UsageError

TWELVE = Task(COMMANDS, unknown=True, silence="noise")
SIZES = {"train": (40, 4), "validation": (10, 1), "test": (10, 1)}  # commands; unknown words, and silences


def speech_commands(data_dir: Path, **changes: Any) -> SpeechCommands:
    """Return the data set in its second version, with changed arguments."""
    return SpeechCommands(
        data_dir, **{"task": TWELVE, "padding": "both", "version": "v0.02", "seed": 0, **changes}
    )


@pytest.fixture
def downloaded(publisher: Publisher, tiny_archive: bytes, tmp_path: Path) -> SpeechCommands:
    return speech_commands(tmp_path / "data", **publisher.publish(tiny_archive))


def problems_of(source: SpeechCommands) -> Sequence[Problem]:
    with pytest.raises(UsageError) as caught:
        source.prepare()
    return caught.value.problems


def assert_nothing_is_left(data_dir: Path) -> None:
    """Lock files are empty and stay; anything else would be a half-made data set."""
    left = [path for path in data_dir.rglob("*") if path.is_file() and path.suffix != ".lock"]
    folders = [path for path in data_dir.rglob("*") if path.is_dir()]
    assert left == []
    assert folders == [data_dir / "speech_commands"]


def samples_of(files: Files, name: str) -> NDArray[np.int16]:
    return np.frombuffer(files[name][44:], dtype="<i2")


@pytest.mark.parametrize("split", SPLITS)
def test_the_archives_own_lists_make_the_splits(downloaded: SpeechCommands, split: SplitName) -> None:
    recordings = downloaded.load(split)
    commands, extra = SIZES[split]
    assert recordings.waveforms.shape == (commands + 2 * extra, 16_000)
    assert recordings.waveforms.dtype == np.int16
    assert recordings.targets.dtype == np.int64
    assert np.bincount(recordings.targets).tolist() == [commands // 10] * 10 + [extra, extra]
    prefix = {"train": "0", "validation": "1", "test": "2"}[split]
    spoken = recordings.targets != TWELVE.class_names.index("silence")
    assert {speaker[0] for speaker in recordings.speakers[spoken]} == {prefix}
    assert (recordings.speakers[~spoken] == "").all()


def test_clips_are_the_files_cut_or_padded_to_a_second(downloaded: SpeechCommands, tiny_files: Files) -> None:
    recordings = downloaded.load("train")
    lengths = set()
    for index, word in enumerate(COMMANDS):
        rows = recordings.waveforms[recordings.targets == index]
        for number, row in enumerate(rows):
            samples = samples_of(tiny_files, f"{word}/0aaa_nohash_{number}.wav")
            lengths.add(len(samples))
            missing = max(0, 16_000 - len(samples))
            expected = np.pad(samples[:16_000], (missing // 2, missing - missing // 2))
            np.testing.assert_array_equal(row, expected)
    assert lengths == {11_000, 16_000, 18_000}


def test_silences_are_cuts_of_noise_that_no_other_split_hears(
    downloaded: SpeechCommands, tiny_files: Files
) -> None:
    whole = [samples_of(tiny_files, f"_background_noise_/{name}.wav") for name in ("hum", "rain")]
    shares: dict[SplitName, tuple[int, int]] = {
        "train": (0, 76_800),
        "validation": (76_800, 86_400),
        "test": (86_400, 96_000),
    }
    for split, (first, last) in shares.items():
        recordings = downloaded.load(split)
        np.testing.assert_array_equal(recordings.noise, np.concatenate([part[first:last] for part in whole]))
        silences = recordings.waveforms[recordings.targets == TWELVE.class_names.index("silence")]
        assert all(recordings.noise.tobytes().find(clip.tobytes()) >= 0 for clip in silences)


def test_the_seed_alone_chooses_the_unknown_words(tiny_root: Path, tmp_path: Path) -> None:
    def unknown(seed: int, data_dir: str) -> set[bytes]:
        recordings = speech_commands(tmp_path / data_dir, root=tiny_root, seed=seed).load("train")
        clips = recordings.waveforms[recordings.targets == TWELVE.class_names.index("unknown")]
        return {clip.tobytes() for clip in clips}

    assert unknown(0, "a") == unknown(0, "b")
    assert unknown(0, "a") != unknown(1, "a")
    assert len(unknown(0, "a")) == 4


def test_a_folder_of_the_users_gives_what_the_download_gives(
    downloaded: SpeechCommands, tiny_root: Path, tmp_path: Path, publisher: Publisher
) -> None:
    publisher.requests.clear()
    from_folder = speech_commands(tmp_path / "other", root=tiny_root)
    for split in SPLITS:
        mine = from_folder.load(split)
        assert publisher.requests == [] or split != "train"
        np.testing.assert_array_equal(mine.waveforms, downloaded.load(split).waveforms)
        np.testing.assert_array_equal(mine.targets, downloaded.load(split).targets)
    assert len(publisher.requests) == 1  # all that was fetched, the download's one archive


def test_once_decoded_neither_server_nor_folder_is_needed(
    downloaded: SpeechCommands, publisher: Publisher
) -> None:
    downloaded.prepare()
    for path in sorted(downloaded.folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    publisher.pages.clear()
    again = speech_commands(
        downloaded.data_dir, url=downloaded.archive.url, sha256=downloaded.archive.sha256.upper()
    )
    assert len(again.load("test").targets) == 12
    assert len(publisher.requests) == 1


def test_the_archive_is_not_kept_beside_its_content(downloaded: SpeechCommands) -> None:
    downloaded.prepare()
    assert not list(downloaded.data_dir.rglob("archive"))
    assert (downloaded.folder / "validation_list.txt").is_file()


def test_another_list_in_the_users_folder_is_not_served_from_the_old_cache(
    tiny_root: Path, tmp_path: Path
) -> None:
    assert len(speech_commands(tmp_path / "data", root=tiny_root).load("test").targets) == 12
    lines = (tiny_root / "testing_list.txt").read_text().splitlines(keepends=True)
    fewer = [line for line in lines if not line.startswith("yes/")]
    (tiny_root / "testing_list.txt").write_text("".join(fewer))
    assert len(speech_commands(tmp_path / "data", root=tiny_root).load("test").targets) == 11


DOWNLOAD = """
import sys
from sigtune.data.commands import COMMANDS, Task
from sigtune.data.speech_commands import SpeechCommands
folder, url, sha256, seed = sys.argv[1:]
twelve = Task(COMMANDS, True, "noise")
source = SpeechCommands(
    folder, twelve, padding="both", version="v0.02", url=url, sha256=sha256, seed=int(seed)
)
print(source.load("test").targets.sum())
"""


def test_processes_that_start_at_once_download_once(
    publisher: Publisher, tiny_archive: bytes, tmp_path: Path
) -> None:
    address = publisher.publish(tiny_archive)
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        DOWNLOAD,
        str(tmp_path),
        address["url"],
        address["sha256"],
    ]
    # Another seed has another cache: what they share is the unpacked archive.
    processes = [
        subprocess.Popen([*command, seed], stdout=subprocess.PIPE, text=True) for seed in ("0", "0", "1")
    ]
    assert [int(process.communicate(timeout=PATIENCE_SECONDS)[0]) for process in processes] == [
        45 + 10 + 11
    ] * 3
    assert len(publisher.requests) == 1


def test_a_wrong_checksum_is_an_error_that_shows_both(
    publisher: Publisher, tiny_archive: bytes, tmp_path: Path
) -> None:
    address = publisher.publish(tiny_archive)
    wrong = "0" * 64
    (problem,) = problems_of(speech_commands(tmp_path, url=address["url"], sha256=wrong))
    assert problem.key == "data.sha256"
    assert wrong in problem.what
    assert address["sha256"] in problem.what
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.999])
def test_a_truncated_archive_is_an_error_that_leaves_nothing(
    publisher: Publisher, tiny_archive: bytes, tmp_path: Path, keep: float
) -> None:
    address = publisher.publish(tiny_archive[: int(len(tiny_archive) * keep)])
    (problem,) = problems_of(speech_commands(tmp_path, **address))
    assert problem.key == "data.url"
    assert address["url"] in problem.what
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("content", [b"<html>not an archive</html>", b""])
def test_something_else_than_an_archive_is_an_error(
    publisher: Publisher, tmp_path: Path, content: bytes
) -> None:
    (problem,) = problems_of(speech_commands(tmp_path, **publisher.publish(content)))
    assert problem.key == "data.url"
    assert_nothing_is_left(tmp_path)


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../outside.wav"),
        tarfile.TarInfo("yes/../../../outside.wav"),
        tarfile.TarInfo("/tmp/sigtune-outside.wav"),
        special("yes/link.wav", tarfile.SYMTYPE, "../../../outside.wav"),
        special("yes/inner.wav", tarfile.SYMTYPE, "0aaa_nohash_0.wav"),
        special("yes/hard.wav", tarfile.LNKTYPE, "yes/0aaa_nohash_0.wav"),
        special("yes/pipe.wav", tarfile.FIFOTYPE),
        special("yes/device.wav", tarfile.CHRTYPE),
    ],
    ids=lambda member: member.name,
)
def test_a_member_that_is_not_a_plain_file_inside_is_an_error(
    publisher: Publisher, tiny_files: Files, tmp_path: Path, member: tarfile.TarInfo
) -> None:
    address = publisher.publish(pack(tiny_files, member))
    (problem,) = problems_of(speech_commands(tmp_path / "data", **address))
    assert problem.key == "data.url"
    assert member.name in problem.what
    assert_nothing_is_left(tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_an_address_that_does_not_exist_is_an_error(publisher: Publisher, tmp_path: Path) -> None:
    (problem,) = problems_of(speech_commands(tmp_path, url=publisher.url("/no.tar.gz"), sha256="0" * 64))
    assert problem.key == "data.url"
    assert "404" in problem.what
    assert_nothing_is_left(tmp_path)


def test_a_server_that_is_not_there_is_an_error(publisher: Publisher, tmp_path: Path) -> None:
    publisher.close()
    (problem,) = problems_of(speech_commands(tmp_path, url=publisher.url("/a.tar.gz"), sha256="0" * 64))
    assert problem.key == "data.url"
    assert "data.root" in problem.remedy
    assert_nothing_is_left(tmp_path)


def test_a_connection_that_breaks_off_is_an_error(
    publisher: Publisher, tiny_archive: bytes, tmp_path: Path
) -> None:
    half = tiny_archive[: len(tiny_archive) // 2]
    address = publisher.publish(half, announced=len(tiny_archive))
    (problem,) = problems_of(speech_commands(tmp_path, **address))
    assert problem.key == "data.url"
    assert str(len(half)) in problem.what
    assert_nothing_is_left(tmp_path)


def test_what_a_killed_process_left_is_cleared_away(downloaded: SpeechCommands) -> None:
    partial = downloaded.folder.with_name(f".{downloaded.folder.name}.partial")
    (partial / "unpacked" / "yes").mkdir(parents=True)
    (partial / "unpacked" / "yes" / "half.wav").write_bytes(b"RIFF")
    downloaded.prepare()
    assert not partial.exists()
    assert not (downloaded.folder / "yes" / "half.wav").exists()


def test_a_data_dir_that_cannot_be_made_is_named(
    publisher: Publisher, tiny_archive: bytes, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    (problem,) = problems_of(speech_commands(tmp_path / "file", **publisher.publish(tiny_archive)))
    assert problem.key == "data.data_dir"
    assert publisher.requests == []


def test_everything_that_a_folder_lacks_is_listed(tiny_root: Path, tmp_path: Path) -> None:
    for path in (tiny_root / "go").iterdir():
        path.unlink()
    for path in (tiny_root / "_background_noise_").glob("*.wav"):
        path.unlink()
    problems = problems_of(speech_commands(tmp_path / "data", root=tiny_root))
    assert {problem.key for problem in problems} == {"data.root"}
    missing = [problem.what.rpartition(" ")[2] for problem in problems]
    assert missing == ["go/*.wav", "_background_noise_/*.wav"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(speech_commands(tmp_path, root=tmp_path / "nowhere"))
    assert problem.key == "data.root"
    assert str(tmp_path / "nowhere") in problem.what


def test_a_file_of_another_format_is_named(tiny_root: Path, tmp_path: Path) -> None:
    path = tiny_root / "on" / "0aaa_nohash_1.wav"
    path.write_bytes(encode_wav(np.zeros(8000), rate=8000))
    (problem,) = problems_of(speech_commands(tmp_path / "data", root=tiny_root))
    assert problem.key == "data.root"
    assert str(path) in problem.what
    assert "8000 Hz" in problem.what


def test_a_damaged_file_is_named(tiny_root: Path, tmp_path: Path) -> None:
    path = tiny_root / "on" / "0aaa_nohash_1.wav"
    path.write_bytes(b"RIFF of nothing")
    (problem,) = problems_of(speech_commands(tmp_path / "data", root=tiny_root))
    assert problem.key == "data.root"
    assert str(path) in problem.what


def test_too_few_other_words_or_too_little_noise_is_an_error(tiny_root: Path, tmp_path: Path) -> None:
    (tiny_root / "_background_noise_" / "rain.wav").unlink()
    (problem,) = problems_of(speech_commands(tmp_path / "data", root=tiny_root))
    assert "validation split less than a second of noise" in problem.what
    (tiny_root / "_background_noise_" / "rain.wav").write_bytes(encode_wav(np.ones(200_000)))
    for word in ("bed", "bird", "cat", "dog", "tree", "wow"):
        for path in (tiny_root / word).glob("0ddd*"):
            path.unlink()
    (problem,) = problems_of(speech_commands(tmp_path / "data", root=tiny_root))
    assert "40 commands and 0 other words" in problem.what


PUBLISHED_DIGITS = Task(("bed", "bird", "cat"), unknown=False, silence="zeros")


def test_a_task_of_chosen_words_has_no_unknown_ones_and_zeros_in_training_only(
    tiny_root: Path, tiny_files: Files, tmp_path: Path
) -> None:
    source = speech_commands(tmp_path, root=tiny_root, task=PUBLISHED_DIGITS, padding="end")
    train, validation, test = (source.load(split) for split in SPLITS)
    assert np.bincount(train.targets).tolist() == [5, 5, 5, 0, 1]  # a tenth of fifteen, rounded down
    assert not train.waveforms[-1].any()
    for held_out in (validation, test):
        assert np.bincount(held_out.targets).tolist() == [1, 1, 1]
    for number, row in enumerate(train.waveforms[5:10]):
        samples = samples_of(tiny_files, f"bird/0ddd_nohash_{number}.wav")[:16_000]
        np.testing.assert_array_equal(row, np.pad(samples, (0, 16_000 - len(samples))))


def test_words_that_the_archive_does_not_have_are_named(tiny_root: Path, tmp_path: Path) -> None:
    task = Task(("bed", "sheilah"), unknown=False, silence="zeros")
    (problem,) = problems_of(speech_commands(tmp_path, root=tiny_root, task=task))
    assert problem.what.endswith("has no sheilah/*.wav")
    with pytest.raises(UsageError) as caught:  # the published archive is not even downloaded
        speech_commands(tmp_path, task=task)
    assert [(problem.key, problem.remedy) for problem in caught.value.problems] == [("data.words", "sheila")]


def test_every_wrong_argument_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        speech_commands(tmp_path, version="v0.2", url="http://127.0.0.1/a.tar.gz", seed=-1, padding="front")
    problems = {problem.key: problem for problem in caught.value.problems}
    assert list(problems) == ["data.version", "data.sha256", "data.data_seed", "data.padding=front"]
    assert "v0.02" in problems["data.version"].remedy
