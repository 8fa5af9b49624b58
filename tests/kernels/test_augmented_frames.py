import pytest
import torch
from torch import Tensor

from sigtune.data.augmentation import Augmentation, AugmentationSettings, BackgroundNoise, Draws, shifted
from sigtune.data.front_end import LogMelSpectrogram
from sigtune.kernels import library
from sigtune.kernels.augmented_frames import augmented_frames, can_be_fused

pytestmark = pytest.mark.skipif(not library.is_compiled(), reason="installed without a C++ compiler")

MAX_SHIFT = 15_999
SHIFTS = torch.tensor([0, 1, -1, 700, -1600, 15_999, -15_999, 3])
OFFSETS = torch.tensor([0, 1, 2, 500, 3999, 4000, 77, 9])


def frames_of(
    clips: Tensor,
    shifts: Tensor,
    noise: BackgroundNoise | None,
    offsets: Tensor,
    front_end: LogMelSpectrogram,
) -> Tensor:
    heard = None if noise is None else (noise.noise, offsets, noise.amplitude_ratio)
    return augmented_frames(clips, shifts, None, heard, front_end.window, front_end.framing)


def waveforms_of(clips: Tensor, noise: BackgroundNoise | None) -> Tensor:
    moved = shifted(clips, SHIFTS, MAX_SHIFT)
    return moved if noise is None else noise(moved, OFFSETS)


def loud(*shape: int, seed: int) -> Tensor:
    return torch.randint(-32_768, 32_768, shape, generator=torch.Generator().manual_seed(seed)).to(
        torch.int16
    )


@pytest.fixture(params=[None, -5.0, 10.0])
def noise(request: pytest.FixtureRequest) -> BackgroundNoise | None:
    return None if request.param is None else BackgroundNoise(loud(20_000, seed=1), request.param)


def test_the_frames_are_those_of_shift_noise_and_framing_one_after_the_other(
    noise: BackgroundNoise | None,
) -> None:
    clips, front_end = loud(8, 16_000, seed=0), LogMelSpectrogram()
    frames = frames_of(clips, SHIFTS, noise, OFFSETS, front_end)
    expected = front_end.frames(waveforms_of(clips, noise))
    assert frames.shape == (8, 32, 1024)
    assert expected.abs().max() > 0.5
    torch.testing.assert_close(frames, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("silent", ["clip", "noise"])
def test_silence_stays_silent_and_silent_noise_adds_nothing(silent: str) -> None:
    clips = torch.zeros(8, 16_000, dtype=torch.int16) if silent == "clip" else loud(8, 16_000, seed=0)
    heard = torch.zeros(20_000, dtype=torch.int16) if silent == "noise" else loud(20_000, seed=1)
    front_end = LogMelSpectrogram()
    frames = frames_of(clips, SHIFTS, BackgroundNoise(heard, 10.0), OFFSETS, front_end)
    assert torch.equal(frames, front_end.frames(shifted(clips, SHIFTS, MAX_SHIFT)))


def test_tensors_with_gaps_in_memory_give_the_same(noise: BackgroundNoise | None) -> None:
    clips, front_end = loud(16, 16_000, seed=0), LogMelSpectrogram()
    shifts, offsets = SHIFTS.repeat_interleave(2), OFFSETS.repeat_interleave(2)
    every_second = frames_of(clips[::2], shifts[::2], noise, offsets[::2], front_end)
    assert torch.equal(every_second, frames_of(clips, shifts, noise, offsets, front_end)[::2])


def test_the_number_of_threads_changes_no_bit(noise: BackgroundNoise | None) -> None:
    threads = torch.get_num_threads()
    results = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            results.append(frames_of(loud(8, 16_000, seed=0), SHIFTS, noise, OFFSETS, LogMelSpectrogram()))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_without_the_compiled_function_and_for_floats_the_images_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clips, front_end = loud(8, 16_000, seed=0), LogMelSpectrogram()
    augmentation = Augmentation(AugmentationSettings(10.0, 999.9), loud(20_000, seed=1))
    ones = torch.ones(8)
    draws = Draws(SHIFTS.clamp(-15_998, 15_998), OFFSETS, ones, ones, ones)
    assert can_be_fused(clips)
    assert not can_be_fused(clips.float())
    images = augmentation.images(clips, draws, front_end)
    floats = augmentation.images(clips.float() / 32_768, draws, front_end)
    monkeypatch.setattr(library, "LIBRARY", None)
    torch.testing.assert_close(images, augmentation.images(clips, draws, front_end), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(images, floats, rtol=1e-3, atol=1e-4)
