"""A small synthetic data set, made once by the real voices, and a tiny archive of Speech Commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.data.archives import Files, Publisher, make_files, pack

from sigtune.data.commands import COMMANDS, SplitName, Task
from sigtune.data.synthetic_commands import SyntheticCommands

SIZES: dict[SplitName, int] = {"train": 60, "validation": 24, "test": 24}
TWELVE = Task(COMMANDS, unknown=True, silence="noise")


@pytest.fixture(scope="session")
def synthetic_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data_dir in which the small synthetic set is already made: for tests that only read it."""
    folder = tmp_path_factory.mktemp("synthetic")
    SyntheticCommands(folder, TWELVE, SIZES, 0, 0.25).prepare()
    return folder


@pytest.fixture(scope="session")
def synthetic(synthetic_dir: Path) -> SyntheticCommands:
    return SyntheticCommands(synthetic_dir, TWELVE, SIZES, 0, 0.25)


@pytest.fixture(scope="session")
def tiny_files() -> Files:
    return make_files()


@pytest.fixture(scope="session")
def tiny_archive(tiny_files: Files) -> bytes:
    return pack(tiny_files)


@pytest.fixture
def tiny_root(tiny_files: Files, tmp_path: Path) -> Path:
    """The tiny archive unpacked, as a user may have it."""
    folder = tmp_path / "unpacked"
    for name, content in tiny_files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.close()
