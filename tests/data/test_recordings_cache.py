import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from tests.patience import PATIENCE_SECONDS

from sigtune.data.commands import SPLITS, Recordings, SplitName, Task
from sigtune.data.recordings_cache import RecordingsCache
from sigtune.errors import UsageError

Damage = Callable[[Path, RecordingsCache], None]


TASK = Task(("one", "two"), unknown=True, silence="noise")


class Builder:
    """Builds three small splits, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[SplitName, Recordings]:
        self.calls += 1
        generator = np.random.default_rng(0)
        return {
            split: Recordings(
                generator.integers(-99, 99, (4, 16_000), dtype=np.int16),
                np.arange(4),
                np.array(["a", "b", "c", ""]),
                generator.integers(-99, 99, 20_000, dtype=np.int16),
            )
            for split in SPLITS
        }


@pytest.fixture
def cache(tmp_path: Path) -> RecordingsCache:
    return RecordingsCache(tmp_path / "sub", "words", TASK, {"seed": 0})


def assert_equal(recordings: Recordings, expected: Recordings) -> None:
    for name in ("waveforms", "targets", "speakers", "noise"):
        np.testing.assert_array_equal(getattr(recordings, name), getattr(expected, name), strict=True)


def test_built_once_and_read_back_as_it_was(cache: RecordingsCache) -> None:
    build = Builder()
    cache.ensure(build)
    for split in SPLITS:
        assert_equal(cache.load(split, build), Builder()()[split])
    cache.ensure(build)
    assert build.calls == 1


def flip_a_bit_of_the_clips(path: Path, _other: RecordingsCache) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path, _other: RecordingsCache) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def empty(path: Path, _other: RecordingsCache) -> None:
    path.write_bytes(b"")


def put_a_lone_array_there(path: Path, _other: RecordingsCache) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def put_another_configuration_there(path: Path, other: RecordingsCache) -> None:
    other.ensure(Builder())
    path.write_bytes(other.path("train").read_bytes())


def put_an_object_array_there(path: Path, _other: RecordingsCache) -> None:
    np.savez(path.with_suffix(""), header=np.array([{"an": "object"}], dtype=object))


def put_clips_of_another_length_there(path: Path, _other: RecordingsCache) -> None:
    members = dict(np.load(path))
    members["waveforms"] = members["waveforms"][:, :8000]
    np.savez(path.with_suffix(""), **members)


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_bit_of_the_clips,
        truncate,
        empty,
        put_a_lone_array_there,
        put_another_configuration_there,
        put_an_object_array_there,
        put_clips_of_another_length_there,
    ],
)
def test_a_file_that_is_not_right_is_made_again(
    cache: RecordingsCache, tmp_path: Path, damage: Damage
) -> None:
    build = Builder()
    cache.ensure(build)
    damage(cache.path("train"), RecordingsCache(tmp_path / "sub", "words", TASK, {"seed": 1}))
    assert_equal(cache.load("train", build), Builder()()["train"])
    assert build.calls == 2
    assert_equal(cache.load("train", build), Builder()()["train"])
    assert build.calls == 2


def test_a_missing_split_is_made_again_before_training_starts(cache: RecordingsCache) -> None:
    build = Builder()
    cache.ensure(build)
    cache.path("test").unlink()
    cache.ensure(build)
    assert build.calls == 2
    assert cache.path("test").is_file()


def test_a_build_that_fails_leaves_no_file_and_no_lock_held(cache: RecordingsCache) -> None:
    def fail() -> NoReturn:
        raise RuntimeError("no voice")

    with pytest.raises(RuntimeError, match="no voice"):
        cache.ensure(fail)
    assert [path.suffix for path in cache.folder.iterdir()] == [".lock"]
    cache.ensure(Builder())


def test_a_folder_that_cannot_be_written_is_named_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = RecordingsCache(tmp_path / "file" / "sub", "words", TASK, {})
    with pytest.raises(UsageError) as caught:
        cache.ensure(Builder())
    (problem,) = caught.value.problems
    assert problem.key == "data.data_dir"
    assert str(tmp_path / "file") in problem.what


RACE = """
import sys, time
from pathlib import Path
import numpy as np
from sigtune.data.commands import Recordings, SPLITS, Task
from sigtune.data.recordings_cache import RecordingsCache

def build():
    with open(sys.argv[1] + "/log", "a") as log:
        log.write("built\\n")
    time.sleep(0.3)
    clips = np.full((4, 16_000), 7, dtype=np.int16)
    return {split: Recordings(clips, np.arange(4), np.array(["a"] * 4), clips[0]) for split in SPLITS}

cache = RecordingsCache(Path(sys.argv[1]) / "sub", "words", Task(("one", "two"), True, "noise"), {})
print(int(cache.load("test", build).waveforms.sum()))
"""


def test_of_processes_that_start_at_once_only_one_builds(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", RACE, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [int(process.communicate(timeout=PATIENCE_SECONDS)[0]) for process in processes] == [
        7 * 4 * 16_000
    ] * 3
    assert (tmp_path / "log").read_text() == "built\n"
