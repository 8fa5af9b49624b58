import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sigtune.data.clip_memory import ClipStream, free_memory, place_clips

CPU = torch.device("cpu")


@pytest.fixture
def mapped(tmp_path: Path) -> NDArray[np.int16]:
    clips = np.random.default_rng(0).integers(-99, 99, (10, 16_000), dtype=np.int16)
    path = tmp_path / "clips"
    clips.tofile(path)
    return np.memmap(path, np.int16, "c", 0, clips.shape)


def test_clips_that_fit_are_copied_to_the_device(mapped: NDArray[np.int16]) -> None:
    placed = place_clips(mapped, CPU, 1.0)
    assert np.array_equal(placed.numpy(), mapped)
    assert not np.shares_memory(placed.numpy(), mapped)


def test_clips_that_do_not_fit_stay_in_the_file_and_the_log_says_so(
    mapped: NDArray[np.int16], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fraction = mapped.nbytes / free_memory(CPU)
    placed = place_clips(mapped, CPU, fraction / 2)
    assert np.shares_memory(placed.numpy(), mapped)
    assert "are streamed" in caplog.messages[0]


def test_free_memory_is_some_of_the_machines() -> None:
    assert 0 < free_memory(CPU) < 1 << 50


ROWS = ([3, 1, 9, 1], [0, 2], [5, 6, 7, 8], [4], [9, 8, 7], [6, 5, 4, 3], [2])


@pytest.mark.parametrize("count", range(len(ROWS) + 1))
def test_a_stream_gives_every_batch_in_order_unchanged_by_the_ones_after_it(
    mapped: NDArray[np.int16], count: int
) -> None:
    waveforms = torch.from_numpy(mapped)
    rows = [torch.tensor(numbers) for numbers in ROWS[:count]]
    moved = list(ClipStream(4, CPU).batches(waveforms, rows))
    for clips, part in zip(moved, rows, strict=True):
        assert torch.equal(clips, waveforms[part])


def test_a_stream_may_be_left_and_begun_again(mapped: NDArray[np.int16]) -> None:
    waveforms = torch.from_numpy(mapped)
    rows = [torch.tensor(numbers) for numbers in ROWS]
    stream = ClipStream(4, CPU)
    for _ in range(3):
        first = next(stream.batches(waveforms, rows))
        assert torch.equal(first, waveforms[rows[0]])


def test_what_a_batch_is_gathered_with_is_raised_where_it_is_taken(mapped: NDArray[np.int16]) -> None:
    batches = ClipStream(4, CPU).batches(torch.from_numpy(mapped), [torch.tensor([0]), torch.tensor([10])])
    next(batches)
    with pytest.raises(IndexError):
        next(batches)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_batches_reach_a_gpu_whole_however_late_it_takes_them(mapped: NDArray[np.int16]) -> None:
    device = torch.device("cuda")
    waveforms = torch.from_numpy(mapped)
    torch.cuda._sleep(100_000_000)  # type: ignore[no-untyped-call]
    rows = [torch.arange(start, start + 4) for start in range(6)]
    moved = list(ClipStream(4, device).batches(waveforms, rows))
    for clips, part in zip(moved, rows, strict=True):
        assert torch.equal(clips.cpu(), waveforms[part])
