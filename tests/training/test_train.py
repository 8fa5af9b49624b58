import math
from collections.abc import Callable
from pathlib import Path

import pytest
from pytorch_lightning.utilities import rank_zero_only
from tests.training.fixture_types import Compose

from sigtune.training.train import train

Metrics = dict[str, float]
Train = Callable[..., Metrics]

EXPERIMENTS = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "experiment").glob("*.yaml"))
# Of the second of two tasks that `srun` has started.
SLURM_TASK = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_NAME": "search",
    "SLURM_NTASKS": "2",
    "SLURM_NTASKS_PER_NODE": "2",
    "SLURM_NODELIST": "node-1",
    "SLURM_PROCID": "1",
    "SLURM_LOCALID": "1",
}


@pytest.fixture(scope="module")
def metrics(composed: Compose) -> Train:
    """Return a function that trains the default experiment, small, and gives its metrics."""
    return lambda *overrides: train(composed(*overrides))


@pytest.fixture(scope="module")
def expected(metrics: Train) -> Metrics:
    return metrics()


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_trains_a_step(metrics: Train, experiment: str) -> None:
    result = metrics(f"experiment={experiment}", "trainer.fast_dev_run=true")
    assert math.isfinite(result["loss"])
    assert 0 <= result["mean_accuracy"] <= 1


def test_the_same_seed_gives_the_same_metrics_on_the_cpu(metrics: Train, expected: Metrics) -> None:
    assert metrics("seed=42") == expected
    otherwise = ("data.resident_memory_fraction=0", "trainer.deterministic=true", "optimizer.fused=false")
    assert metrics(*otherwise) == expected
    assert {"loss", "validation_loss", "mean_accuracy"} <= expected.keys()


@pytest.mark.parametrize("override", ["seed=43", "model.boost_strength=0"])
def test_another_seed_or_model_gives_others(metrics: Train, expected: Metrics, override: str) -> None:
    assert metrics(override)["loss"] != expected["loss"]


def test_another_precision_gives_others_and_auto_is_one_of_them(metrics: Train, expected: Metrics) -> None:
    by_precision = [metrics(f"trainer.precision={name}") for name in ("32-true", "bf16-mixed")]
    assert by_precision[0]["loss"] != by_precision[1]["loss"]
    assert expected in by_precision


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_are_clipped_with_a_fused_optimiser_in_every_precision(
    metrics: Train, precision: str
) -> None:
    overrides = (f"trainer.precision={precision}", "trainer.max_epochs=1")
    losses = {metrics(*overrides, f"trainer.gradient_clip_val={value}")["loss"] for value in (1e-6, 1e6)}
    assert len(losses) == 2
    assert metrics(*overrides)["loss"] in losses  # gradients are never as large as a million


@pytest.mark.parametrize("variables", [{}, SLURM_TASK], ids=["on its login node", "in a task of srun"])
def test_on_slurm_it_trains_as_one_process_and_warns_of_nothing(
    metrics: Train,
    expected: Metrics,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
) -> None:
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text("#!/bin/sh\nexit 1\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", str(srun.parent), prepend=":")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    # Lightning reads it when it is imported.
    monkeypatch.setattr(rank_zero_only, "rank", int(variables.get("SLURM_PROCID", 0)))
    logger = ("logger=csv", f"logger.csv.save_dir={tmp_path}")
    result = metrics(*logger)
    assert {name: result[name] for name in expected} == expected
    assert (tmp_path / "metrics" / "metrics.csv").read_text().count("\n") > 2
