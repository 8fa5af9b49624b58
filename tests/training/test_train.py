from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from sigtune.config.schema import register_schemas
from sigtune.training.train import train

CONF = Path(__file__).parents[2] / "conf"
SMALL = [
    "logger=none",
    "callbacks.checkpoint=null",
    "model.linear_units=32",
    "scheduler.max_lr=0.1",
    "scheduler.div_factor=50",
    "scheduler.pct_start=0.15",
    "optimizer.weight_decay=1e-4",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=1",
    "data.batch_size=32",
    "data.train_size=96",
    "data.validation_size=48",
    "data.test_size=24",
]


@pytest.fixture(scope="module")
def metrics(tmp_path_factory):
    """Return a function that trains the default experiment, small, and gives its metrics."""
    folder = tmp_path_factory.mktemp("data")

    def run(*overrides):
        register_schemas()
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("config", [*SMALL, f"data_dir={folder}", *overrides])
        return train(OmegaConf.to_object(config))

    return run


@pytest.fixture(scope="module")
def expected(metrics):
    return metrics()


@pytest.mark.parametrize(
    "override",
    ["seed=42", "data.resident_memory_fraction=0", "trainer.deterministic=true", "optimizer.fused=false"],
)
def test_the_same_seed_gives_the_same_metrics_on_the_cpu(metrics, expected, override):
    assert metrics(override) == expected
    assert {"loss", "validation_loss", "mean_accuracy"} <= expected.keys()


@pytest.mark.parametrize("override", ["seed=43", "model.boost_strength=0"])
def test_another_seed_or_model_gives_others(metrics, expected, override):
    assert metrics(override)["loss"] != expected["loss"]


def test_another_precision_gives_others_and_auto_is_one_of_them(metrics, expected):
    by_precision = [metrics(f"trainer.precision={name}") for name in ("32-true", "bf16-mixed")]
    assert by_precision[0]["loss"] != by_precision[1]["loss"]
    assert expected in by_precision


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_are_clipped_with_a_fused_optimiser_in_every_precision(metrics, precision):
    override = f"trainer.precision={precision}"
    losses = {metrics(override, f"trainer.gradient_clip_val={value}")["loss"] for value in (1e-6, 1e6)}
    assert len(losses) == 2
    assert metrics(override)["loss"] in losses  # gradients are never as large as a million
