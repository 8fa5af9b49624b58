"""Checkpoints that a thread writes: what is on the disk, and when."""

import errno
import resource
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from sigtune.errors import UnwritableFileError
from sigtune.training import checkpoint_writer
from sigtune.training.checkpoint_io import BackgroundCheckpointIO, read_checkpoint
from sigtune.training.checkpoint_writer import CheckpointWriter

PARTS: dict[str, Any] = {"loops": {}, "optimizer_states": [], "lr_schedulers": []}


@pytest.fixture(autouse=True)
def _seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_writer, "SECONDS_BETWEEN_WRITES", 1e6)


def checkpoint(epoch: int) -> dict[str, Any]:
    return {**PARTS, "epoch": epoch, "state_dict": {"weight": torch.full((3,), float(epoch))}}


def epoch_in(path: Path) -> int:
    content = read_checkpoint(path)
    assert content is not None
    assert content["state_dict"]["weight"].eq(content["epoch"]).all()
    epoch: int = content["epoch"]
    return epoch


class Recorded:
    """Notes what is saved, and lets the thread go on only when told."""

    def __init__(self) -> None:
        self.saved: list[tuple[str, int]] = []
        self.may_go_on = threading.Event()

    def save(self, content: dict[str, Any], path: Path) -> None:
        self.may_go_on.wait()
        self.saved.append((path.name, content["epoch"]))


def test_the_last_of_each_file_is_written_in_the_order_in_which_they_came() -> None:
    recorded = Recorded()
    writer = CheckpointWriter(recorded.save)
    writer.put(checkpoint(0), Path("last"))  # taken up at once, and the others wait
    for epoch, name in ((1, "last"), (1, "best"), (2, "last"), (3, "best"), (3, "last")):
        writer.put(checkpoint(epoch), Path(name))
    recorded.may_go_on.set()
    writer.flush()
    assert recorded.saved[-2:] == [("best", 3), ("last", 3)]
    assert len(recorded.saved) <= 3


def test_nothing_is_left_running_when_all_is_written() -> None:
    before = threading.active_count()
    recorded = Recorded()
    recorded.may_go_on.set()
    writer = CheckpointWriter(recorded.save)
    for epoch in range(3):
        writer.put(checkpoint(epoch), Path("last"))
        writer.flush()
    assert recorded.saved == [("last", 0), ("last", 1), ("last", 2)]
    for thread in threading.enumerate():
        if thread.name == "checkpoints":
            thread.join()
    assert threading.active_count() == before


def test_a_checkpoint_is_what_it_was_when_it_was_handed_over() -> None:
    found: list[dict[str, Any]] = []
    writer = CheckpointWriter(lambda content, path: found.append(content))
    tied = torch.zeros(2)
    content = {"state_dict": {"one": tied, "other": tied.detach()}, "loops": {"seen": [1]}, "name": "sgd"}
    writer.put(content, Path("last"))
    tied.fill_(7)
    content["loops"]["seen"].append(2)  # type: ignore[index]
    writer.flush()
    (written,) = found
    assert written["loops"] == {"seen": [1]}
    assert written["state_dict"]["one"].tolist() == [0, 0]
    # Tied weights are written once, as torch does by itself.
    assert written["state_dict"]["one"].data_ptr() == written["state_dict"]["other"].data_ptr()


def test_a_file_that_is_new_is_written_at_once_and_replaced_at_the_end(tmp_path: Path) -> None:
    io, path = BackgroundCheckpointIO(), tmp_path / "checkpoints" / "last.ckpt"
    for epoch in range(4):
        io.save_checkpoint(checkpoint(epoch), path)
        if epoch == 0:
            assert epoch_in(path) == 0
    assert epoch_in(path) < 3  # the first replacement may be there, the later ones wait
    io.teardown()
    assert epoch_in(path) == 3
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_what_is_read_is_what_was_saved_last(tmp_path: Path) -> None:
    io, path = BackgroundCheckpointIO(), tmp_path / "last.ckpt"
    for epoch in range(4):
        io.save_checkpoint(checkpoint(epoch), path)
    assert io.load_checkpoint(path, weights_only=True)["epoch"] == 3


def test_a_checkpoint_that_is_removed_does_not_come_back(tmp_path: Path) -> None:
    io, path = BackgroundCheckpointIO(), tmp_path / "best.ckpt"
    for epoch in range(4):
        io.save_checkpoint(checkpoint(epoch), path)
    io.remove_checkpoint(path)
    io.flush()
    assert not path.exists()


def test_a_disk_that_is_full_halfway_is_the_systems_error_not_torchs(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    content = {**checkpoint(0), "state_dict": {"weight": torch.rand(100_000)}}
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(UnwritableFileError, match=r"last\.ckpt: File too large"):
            BackgroundCheckpointIO().save_checkpoint(content, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not path.exists()


def test_a_full_disk_is_told_in_a_line_and_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    io, path = BackgroundCheckpointIO(), tmp_path / "last.ckpt"
    io.save_checkpoint(checkpoint(0), path)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    io.save_checkpoint(checkpoint(1), path)
    io.teardown()
    (record,) = caplog.records
    assert record.message.endswith(f"{path}: No space left on device")
    with pytest.raises(UnwritableFileError, match="No space left on device"):
        io.flush()
    assert epoch_in(path) == 0
    monkeypatch.undo()
    io.save_checkpoint(checkpoint(2), path)
    io.flush()
    assert epoch_in(path) == 2
