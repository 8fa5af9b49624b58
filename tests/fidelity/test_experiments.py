"""The published experiments: the values that conf/ trains with, and the paper's noise test, in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from sigtune.config.hydra_version import VERSION_BASE
from sigtune.config.schema import EvaluationConfig, register_schemas
from sigtune.training.noise_test import NoiseResult, NoisyInputs, noise_score

CONF = Path(__file__).parents[2] / "conf"


def values(*overrides: str) -> Any:
    register_schemas()
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        return compose("config", list(overrides))


@pytest.mark.parametrize(
    ("experiment", "batches", "optimizer", "epochs"),
    [
        # size, that of the first epoch; learning rate, momentum, weight decay
        ("dense_cnn_steplr", (64, None), (0.01, 0.9, 0.01), 20),
        ("sparse_cnn_steplr", (16, 4), (0.01, 0.0, 0.01), 30),
    ],
)
def test_trainings_by_steps_are_as_published(
    experiment: str, batches: tuple[int, int | None], optimizer: tuple[float, ...], epochs: int
) -> None:
    config = values(f"experiment={experiment}")
    assert (config.data.batch_size, config.data.first_epoch_batch_size) == batches
    chosen = config.optimizer
    assert (chosen.lr, chosen.momentum, chosen.weight_decay) == optimizer
    assert config.trainer.max_epochs == epochs


def test_the_dense_network_s_rate_drops_to_four_fifths_in_each_epoch() -> None:
    scheduler = values("experiment=dense_cnn_steplr").scheduler
    assert (scheduler.step_size, scheduler.gamma) == (1, 0.8)


@pytest.mark.parametrize("data", ["gsc_digits", "synthetic_digits"])
def test_digits_are_heard_and_changed_as_published(data: str) -> None:
    config = values(f"data={data}").data
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert (list(config.words), config.unknown, config.silence) == (words, False, "zeros")
    assert (config.front_end, config.snr_db) == ("mel_decibels", None)
    assert OmegaConf.to_container(config.augmentation, resolve=True) == {
        "probability": 0.5,
        "amplitude": [0.7, 1.1],
        "max_speed": 0.2,
        "max_stretch": 0.2,
        "max_shift_ms": 256.0,
        "snr_db": None,
    }


def test_the_noise_score_is_the_sum_over_eleven_levels_up_to_a_half() -> None:
    assert EvaluationConfig().noise_levels == [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
    assert noise_score([NoiseResult(0.0, 9, 10), NoiseResult(0.05, 7, 10)]) == 16


def test_noise_is_blended_in_rather_than_added() -> None:
    inputs = torch.full((2, 1, 400), 2.0)
    ((noisy, targets),) = NoisyInputs([(inputs, torch.tensor([0, 1]))], 0.25, seed=0)
    assert targets.tolist() == [0, 1]
    assert noisy.min() >= 0.75 * 2 - 0.25 * 2
    assert noisy.max() <= 2
    assert float(noisy.mean()) == pytest.approx(1.5, abs=0.05)
    assert float(noisy.std()) == pytest.approx(0.25 * 4 / 12**0.5, rel=0.1)  # uniform in ±2
