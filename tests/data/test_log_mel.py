import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from sigtune.data.log_mel import BackgroundNoise, LogMelSpectrogram, TimeShift, mel_filters


@pytest.fixture
def waveforms() -> Tensor:
    return torch.from_numpy(np.random.default_rng(3).integers(-20_000, 20_000, (3, 16_000), dtype=np.int16))


def slow_log_mel(waveform: NDArray[np.int16]) -> NDArray[np.float64]:
    """The definition in LogMelSpectrogram's docstring, frame by frame and filter by filter, in float64."""
    padded = np.concatenate([np.zeros(262), waveform / 32768.0, np.zeros(262)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    phases = np.exp(-2j * np.pi * np.outer(np.arange(513), np.arange(1024)) / 1024)
    top = 2595 * np.log10(1 + 8000 / 700)
    bottom = 2595 * np.log10(1 + 20 / 700)
    edges = [700 * (10 ** ((bottom + (top - bottom) * step / 33) / 2595) - 1) for step in range(34)]
    image = np.zeros((32, 32))
    for frame in range(32):
        power = np.abs(phases @ (padded[500 * frame : 500 * frame + 1024] * window)) ** 2
        for band in range(32):
            low, centre, high = edges[band : band + 3]
            for index in range(513):
                hz = index * 15.625
                if low < hz < high:
                    weight = (hz - low) / (centre - low) if hz <= centre else (high - hz) / (high - centre)
                    image[band, frame] += weight * power[index]
    image = np.log(image + 1e-6)
    standardised: NDArray[np.float64] = (image - image.mean()) / (image.std() + 1e-3)
    return standardised


def test_images_equal_the_definition_computed_slowly(waveforms: Tensor) -> None:
    images = LogMelSpectrogram()(waveforms)
    assert images.shape == (3, 1, 32, 32)
    assert images.dtype == torch.float32
    assert images.is_contiguous()
    for image, waveform in zip(images, waveforms.numpy(), strict=True):
        np.testing.assert_allclose(image[0].numpy(), slow_log_mel(waveform), atol=2e-4)


def test_a_tone_lights_up_the_band_and_the_frames_where_it_sounds() -> None:
    time = torch.arange(16_000) / 16_000
    tone = torch.sin(2 * torch.pi * 2000 * time) * ((time >= 0.5) & (time < 0.75))
    image = LogMelSpectrogram()(tone[None])[0, 0]
    band = int(mel_filters(32, 1024)[:, 128].argmax())  # bin 128 is 2 kHz
    assert int(image.sum(dim=1).argmax()) == band
    assert set(image[band].topk(8).indices.tolist()) == set(range(16, 24))  # 32 frames a second


def test_floats_and_16_bit_integers_of_the_same_clip_give_the_same_image(waveforms: Tensor) -> None:
    front_end = LogMelSpectrogram()
    torch.testing.assert_close(front_end(waveforms), front_end(waveforms.float() / 32768), rtol=0, atol=0)


def test_loudness_does_not_change_the_image(waveforms: Tensor) -> None:
    front_end = LogMelSpectrogram()
    torch.testing.assert_close(
        front_end(waveforms), front_end(waveforms.float() / 32768 / 4), rtol=0, atol=1e-3
    )


def test_digital_silence_gives_a_finite_flat_image() -> None:
    image = LogMelSpectrogram()(torch.zeros(1, 16_000, dtype=torch.int16))
    torch.testing.assert_close(image, torch.zeros(1, 1, 32, 32), rtol=0, atol=1e-3)


def test_the_front_end_has_nothing_to_save_in_a_checkpoint() -> None:
    assert LogMelSpectrogram().state_dict() == {}


def test_every_band_hears_something() -> None:
    assert bool((mel_filters(32, 1024).sum(dim=1) > 0.5).all())


def test_shift_moves_each_clip_by_its_own_samples_and_keeps_16_bits(waveforms: Tensor) -> None:
    shifted = TimeShift(1600)(waveforms, torch.tensor([0, 700, -1600]))
    assert shifted.dtype == torch.int16
    assert torch.equal(shifted[0], waveforms[0])
    assert torch.equal(shifted[1, 700:], waveforms[1, :-700])
    assert not shifted[1, :700].any()
    assert torch.equal(shifted[2, :-1600], waveforms[2, 1600:])
    assert not shifted[2, -1600:].any()


def test_drawn_shifts_reach_both_ends_and_no_further() -> None:
    shifts = TimeShift(3).draw(500, np.random.default_rng(0))
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
