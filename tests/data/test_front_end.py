import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from sigtune.data.front_end import LogMelSpectrogram, MelDecibels, mel_filters, slaney_mel_filters


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


def slow_mel_decibels(waveform: NDArray[np.int16]) -> NDArray[np.float64]:
    """The definition in MelDecibels' docstring, frame by frame and filter by filter, in float64."""
    padded = np.pad(waveform / 32768.0, 1024, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    step = (15 + 27 * np.log(8) / np.log(6.4)) / 33  # mel between the edges, up to 8 kHz
    mels = [number * step for number in range(34)]
    edges = [mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27) for mel in mels]
    image = np.zeros((32, 32))
    for frame in range(32):
        power = np.abs(np.fft.rfft(padded[512 * frame : 512 * frame + 2048] * window)) ** 2
        for band in range(32):
            low, centre, high = edges[band : band + 3]
            weights = np.interp(np.arange(1025) * 7.8125, [low, centre, high], [0, 2 / (high - low), 0])
            image[band, frame] = weights @ power
    decibels = 10 * np.log10(np.maximum(image, 1e-10))
    relative: NDArray[np.float64] = np.maximum(decibels - decibels.max(), -80)
    return relative


def test_decibels_equal_the_definition_computed_slowly(waveforms: Tensor) -> None:
    images = MelDecibels()(waveforms)
    assert images.shape == (3, 1, 32, 32)
    for image, waveform in zip(images, waveforms.numpy(), strict=True):
        np.testing.assert_allclose(image[0].numpy(), slow_mel_decibels(waveform), atol=2e-3)


def test_decibels_are_those_below_the_loudest_point_and_80_at_most() -> None:
    time = torch.arange(16_000) / 16_000
    tone = torch.sin(2 * torch.pi * 2000 * time) * ((time >= 0.5) & (time < 0.75))
    image = MelDecibels()(torch.stack([tone, tone / 10]))
    assert (image.amax(dim=(1, 2, 3)) == 0).all()
    assert (image.amin(dim=(1, 2, 3)) == -80).all()
    torch.testing.assert_close(image[0], image[1], rtol=0, atol=1e-3)
    assert not MelDecibels()(torch.zeros(1, 16_000)).any()


def test_slaney_s_filters_hear_equally_much_of_white_noise() -> None:
    areas = slaney_mel_filters(32, 2048).sum(dim=1) * 7.8125
    torch.testing.assert_close(areas, torch.ones(32), rtol=0, atol=0.02)
