"""What training clips are changed by, each change beside its definition."""

import numpy as np
import pytest
import torch
from torch import Tensor

from sigtune.data.augmentation import (
    Augmentation,
    AugmentationSettings,
    BackgroundNoise,
    Draws,
    read_faster,
    shifted,
)
from sigtune.data.front_end import FrontEnd, LogMelSpectrogram, MelDecibels
from sigtune.kernels import library

PUBLISHED = AugmentationSettings(
    amplitude=(0.7, 1.1), max_speed=0.2, max_stretch=0.2, max_shift_ms=256.0, probability=0.5
)
NO_NOISE = torch.zeros(16_000, dtype=torch.int16)


@pytest.fixture
def waveforms() -> Tensor:
    return torch.from_numpy(np.random.default_rng(3).integers(-20_000, 20_000, (3, 16_000), dtype=np.int16))


def draws_of(count: int, settings: AugmentationSettings = PUBLISHED) -> Draws:
    augmentation = Augmentation(settings, NO_NOISE)
    return augmentation.draw(count, np.random.default_rng(0), torch.device("cpu"))


def test_published_changes_come_to_half_of_the_clips_each_within_their_bounds() -> None:
    drawn = draws_of(4000)
    bounds = [
        (drawn.amplitudes, 0.7, 1.1),
        (drawn.speeds, 1 / 1.2, 1 / 0.8),
        (drawn.stretches, 0.8, 1.2),
    ]
    for factors, low, high in bounds:
        changed = factors[factors != 1]
        assert abs(len(changed) / 4000 - 0.5) < 0.03
        assert low <= changed.min() < low + 0.01
        assert high - 0.01 < changed.max() <= high
    assert abs((drawn.shifts != 0).float().mean() - 0.5) < 0.03
    assert (int(drawn.shifts.min()), int(drawn.shifts.max())) == (
        -4093,
        4095,
    ) or drawn.shifts.abs().max() <= 4096
    both = ((drawn.speeds != 1) & (drawn.stretches != 1)).float().mean()
    assert abs(both - 0.25) < 0.03  # each by itself


def test_without_changes_the_clips_stay_as_they_are(waveforms: Tensor) -> None:
    drawn = draws_of(3, AugmentationSettings())
    same = Augmentation(AugmentationSettings(), NO_NOISE).waveforms(waveforms, drawn)
    assert torch.equal(same, waveforms.float() / 32768)


def test_a_faster_voice_is_shorter_and_higher() -> None:
    time = torch.arange(16_000) / 16_000
    tone = torch.sin(2 * torch.pi * 400 * time)[None].repeat(3, 1)
    fast, slow, same = read_faster(tone, torch.tensor([1.25, 0.8, 1.0]))
    assert torch.equal(same, tone[0])
    assert int(torch.fft.rfft(fast[:12_800]).abs().argmax()) / 0.8 == 500
    assert fast[:12_700].any()
    assert not fast[12_800:].any()
    assert int(torch.fft.rfft(slow).abs().argmax()) == 320


def test_a_stretched_clip_takes_longer_at_the_same_pitch() -> None:
    time = torch.arange(16_000) / 16_000
    tone = torch.sin(2 * torch.pi * 1000 * time) * (time < 0.5)
    front_end = MelDecibels()
    frames = front_end.frames(tone[None].repeat(2, 1))
    slow, same = front_end.images(frames, torch.tensor([0.8, 1.0]))[:, 0]
    band = int(same.sum(dim=1).argmax())
    assert int(slow.sum(dim=1).argmax()) == band
    heard = [int((image[band] > -20).sum()) for image in (slow, same)]
    assert heard[0] / heard[1] == pytest.approx(1 / 0.8, rel=0.08)
    assert torch.equal(same, front_end.images(frames)[0, 0])


@pytest.mark.parametrize("front_end", [MelDecibels(), LogMelSpectrogram()])
@pytest.mark.parametrize("snr_db", [None, 10.0])
def test_the_compiled_way_gives_the_same_images(
    monkeypatch: pytest.MonkeyPatch, front_end: FrontEnd, snr_db: float | None
) -> None:
    if not library.is_compiled():
        pytest.skip("installed without a C++ compiler")
    generator = np.random.default_rng(1)
    clips, noise = (
        torch.from_numpy(generator.integers(-9999, 9999, shape, dtype=np.int16))
        for shape in ((40, 16_000), (20_000,))
    )
    settings = AugmentationSettings(snr_db, 256.0, (0.7, 1.1), 0.2, 0.2, 0.5)
    augmentation = Augmentation(settings, noise)
    drawn = augmentation.draw(40, generator, torch.device("cpu"))
    compiled = augmentation.images(clips, drawn, front_end)
    monkeypatch.setattr(library, "LIBRARY", None)
    one_after_the_other = augmentation.images(clips, drawn, front_end)
    # A sample between two is read where float32 puts it, which the two ways round alike only nearly.
    assert (compiled - one_after_the_other).abs().max() < 0.05 * one_after_the_other.std()


def test_every_wrong_setting_is_named() -> None:
    wrong = AugmentationSettings(10.0, 1000.0, (1.0,), 1.0, -0.1, 1.5)
    assert [problem.key for problem in wrong.problems("data.augmentation")] == [
        f"data.augmentation.{name}"
        for name in ("max_shift_ms", "amplitude", "max_speed", "max_stretch", "probability")
    ]


def test_shift_moves_each_clip_by_its_own_samples_and_keeps_16_bits(waveforms: Tensor) -> None:
    moved = shifted(waveforms, torch.tensor([0, 700, -1600]), 1600)
    assert moved.dtype == torch.int16
    assert torch.equal(moved[0], waveforms[0])
    assert torch.equal(moved[1, 700:], waveforms[1, :-700])
    assert not moved[1, :700].any()
    assert torch.equal(moved[2, :-1600], waveforms[2, 1600:])
    assert not moved[2, -1600:].any()


def test_drawn_shifts_reach_both_ends_and_no_further() -> None:
    shifts = draws_of(500, AugmentationSettings(max_shift_ms=3 / 16)).shifts
    assert sorted(set(shifts.tolist())) == [-3, -2, -1, 0, 1, 2, 3]


@pytest.mark.parametrize("snr_db", [20.0, 10.0, -5.0])
def test_noise_is_added_at_the_signal_to_noise_ratio_that_was_asked_for(
    waveforms: Tensor, snr_db: float
) -> None:
    noise = torch.from_numpy(np.random.default_rng(4).integers(-900, 900, 50_000, dtype=np.int16))
    offsets = torch.tensor([0, 12_345, 34_000])
    noisy = BackgroundNoise(noise, snr_db)(waveforms, offsets)
    clean = waveforms.double() / 32768
    added = noisy.double() - clean
    ratio_db = 10 * torch.log10(clean.square().mean(dim=1) / added.square().mean(dim=1))
    torch.testing.assert_close(ratio_db, torch.full((3,), snr_db, dtype=torch.float64), rtol=0, atol=0.01)
    for row, offset in zip(added, offsets.tolist(), strict=True):
        cut = noise[offset : offset + 16_000].double()
        assert torch.corrcoef(torch.stack([row, cut]))[0, 1] > 0.9999


def test_drawn_cuts_of_noise_fit_into_the_noise() -> None:
    offsets = BackgroundNoise(torch.zeros(16_003, dtype=torch.int16), 10.0).draw(
        500, np.random.default_rng(0)
    )
    assert sorted(set(offsets.tolist())) == [0, 1, 2, 3]


def test_silence_in_clip_or_noise_gives_no_invalid_number(waveforms: Tensor) -> None:
    silent_noise = BackgroundNoise(torch.zeros(16_000, dtype=torch.int16), 10.0)
    offsets = torch.zeros(3, dtype=torch.int64)
    torch.testing.assert_close(silent_noise(waveforms, offsets), waveforms.float() / 32768)
    loud_noise = BackgroundNoise(torch.full((16_000,), 900, dtype=torch.int16), 10.0)
    assert not loud_noise(torch.zeros_like(waveforms), offsets).any()


def test_less_than_a_second_of_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="15999 samples"):
        BackgroundNoise(torch.zeros(15_999, dtype=torch.int16), 10.0)
