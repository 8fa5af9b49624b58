import functools
import logging
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import app_process

from sigtune.training.checkpoint_io import AtomicCheckpointIO, read_checkpoint

PARTS = {"epoch": 0, "loops": {}, "optimizer_states": [], "lr_schedulers": []}
SAVING_FOR_EVER = """
import itertools, sys, torch
from sigtune.training import checkpoint_io, checkpoint_writer
checkpoint_writer.SECONDS_BETWEEN_WRITES = 0
io = getattr(checkpoint_io, sys.argv[2])()
for epoch in itertools.count():
    content = {"epoch": epoch, "state_dict": {"weight": torch.full((500_000,), float(epoch))}}
    content |= {"loops": {}, "optimizer_states": [], "lr_schedulers": []}
    io.save_checkpoint(content, sys.argv[1])
"""


@pytest.mark.parametrize("way", ["AtomicCheckpointIO", "BackgroundCheckpointIO"])
def test_a_kill_at_any_instant_leaves_a_whole_checkpoint(tmp_path: Path, way: str) -> None:
    path = tmp_path / "checkpoints" / "last.ckpt"
    script = tmp_path / "saving.py"
    script.write_text(SAVING_FOR_EVER)
    generator = random.Random(0)
    for _ in range(3):
        path.unlink(missing_ok=True)
        writer = app_process.Popen([sys.executable, script, path, way])
        try:
            while not path.exists():
                assert writer.poll() is None
                time.sleep(0.01)
            time.sleep(generator.uniform(0, 0.2))
        finally:
            writer.kill()
            writer.wait()
        checkpoint = read_checkpoint(path)
        assert checkpoint is not None
        assert torch.equal(checkpoint["state_dict"]["weight"].unique(), torch.tensor([checkpoint["epoch"]]))
        # What a kill may leave beside it is taken by the next save.
        assert len(list(path.parent.iterdir())) <= 2


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({**PARTS, "state_dict": {"weight": torch.arange(3.0)}}, path)
    checkpoint = read_checkpoint(path)
    assert checkpoint is not None
    assert torch.equal(checkpoint["state_dict"]["weight"], torch.arange(3.0))
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_hyper_parameters_that_are_code_are_left_out_so_that_the_rest_is_read_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_optimizer = functools.partial(torch.optim.Adam, lr=0.1)
    hyper_parameters = {"units": [1, 2], "lr": 0.1, "optimizer": make_optimizer, "net": torch.nn.Linear(1, 1)}
    checkpoint = {**PARTS, "state_dict": {}, "hyper_parameters": hyper_parameters}
    files = AtomicCheckpointIO()
    with caplog.at_level(logging.INFO, "sigtune"):
        for name in ("first.ckpt", "last.ckpt"):
            files.save_checkpoint(checkpoint, tmp_path / name)
    read = read_checkpoint(tmp_path / "last.ckpt")
    assert read is not None
    assert read["hyper_parameters"] == {"units": [1, 2], "lr": 0.1}
    (message,) = [record.getMessage() for record in caplog.records]
    assert "not plain values: optimizer, net;" in message
    assert "net" in hyper_parameters  # Lightning's own is as it was


class WritesAFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def test_a_file_that_would_run_code_is_not_a_checkpoint(tmp_path: Path) -> None:
    torch.save({**PARTS, "state_dict": WritesAFile(tmp_path / "written")}, tmp_path / "evil.ckpt")
    assert read_checkpoint(tmp_path / "evil.ckpt") is None
    assert not (tmp_path / "written").exists()


def test_other_files_are_not_checkpoints(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "weights.pt")
    (tmp_path / "empty.ckpt").touch()
    for path in (tmp_path / "weights.pt", tmp_path / "empty.ckpt", tmp_path / "missing.ckpt", tmp_path):
        assert read_checkpoint(path) is None
