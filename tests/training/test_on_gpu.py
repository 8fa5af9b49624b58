"""Training on a GPU as a user does: trained, killed, stopped, repeated, in 16 bits, by graphs, two at once.

Each of these needs an NVIDIA GPU; benchmarks/gpu_kit runs them on a machine that has one.
"""

import gc
import logging
import math
import signal
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from tests import app_process
from tests.patience import PATIENCE_SECONDS
from tests.training import test_resume as jobs
from tests.training.fixture_types import Compose
from tests.training.step_recorder import StepRecorder
from tests.training.whole_trainings import assert_equal_trainings, trained

from sigtune.errors import JobStoppedError
from sigtune.job.outcome import read_outcome
from sigtune.kernels.choice import CARDS_WITH_TRITON
from sigtune.training import checkpoint_writer
from sigtune.training import train as training
from sigtune.training.callbacks.graph_steps import GraphSteps
from sigtune.training.checkpoint_io import BackgroundCheckpointIO, read_checkpoint
from sigtune.training.graphed_step import WARM_UP_STEPS, CudaRecorder, Step
from sigtune.training.train import train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
    # Torch says so once, of the mode in which waiting is an error.
    pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype"),
]

GPU = "trainer.gpus=1"
# 96 clips: five batches of 18 an epoch, and one of 6.
JOB = (GPU, "data.batch_size=18", "trainer.max_epochs=3")
# 24 batches an epoch, each of which is logged.
LONG_EPOCHS = (GPU, "data.batch_size=4")
ONE_CYCLE = ("experiment=sparse_cnn_onecyclelr", "optimizer.momentum=0.9")
MIB = 1 << 20
# A GPU is done with an epoch before anyone could kill it from outside.
KILL = "tests.training.whole_trainings.KillItself"
PROMPT = "tests.training.prompt_checkpoints.PromptCheckpoints"


@pytest.fixture(autouse=True)
def _as_torch_begins() -> Iterator[None]:
    """Leave no setting of a training to the next test."""
    yield
    torch.cuda.set_sync_debug_mode("default")
    torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision("highest")


class CountedGraphs(CudaRecorder):
    """CUDA's graphs, counted over all trainings of a test."""

    captured = 0
    replayed = 0

    def capture(self, step: Step) -> Step:
        replay = super().capture(step)
        type(self).captured += 1

        def counted() -> torch.Tensor:
            type(self).replayed += 1
            return replay()

        return counted


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> type[CountedGraphs]:
    """What counts the graphs that trainings in this process capture and replay."""
    monkeypatch.setattr(training, "GraphSteps", lambda: GraphSteps(CountedGraphs))
    monkeypatch.setattr(CountedGraphs, "captured", 0)
    monkeypatch.setattr(CountedGraphs, "replayed", 0)
    return CountedGraphs


@pytest.fixture
def warnings_of(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING, "sigtune")
    return lambda: [one.message for one in caplog.records if one.name.startswith("sigtune")]


def close(one: dict[str, float], other: dict[str, float], tolerance: float) -> bool:
    """Return whether the losses of two trainings are alike."""
    return all(
        math.isclose(one[name], other[name], rel_tol=tolerance) for name in ("loss", "validation_loss")
    )


@pytest.mark.parametrize("step", ["eager", "graph"])
def test_a_gpu_trains_what_a_cpu_does_but_for_rounding(composed: Compose, step: str) -> None:
    settings = (*ONE_CYCLE, "data.batch_size=32", "trainer.max_epochs=1", "trainer.precision=32-true")
    on_cpu = train(composed(*settings))
    on_gpu = train(composed(*settings, GPU, f"trainer.step={step}"))
    # Convolutions and products are in TF32 there, and other winners win now and then.
    assert close(on_cpu, on_gpu, 0.1)


@pytest.mark.parametrize("step", ["eager", "graph"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_every_precision_trains(composed: Compose, precision: str, step: str) -> None:
    metrics = train(composed(*JOB, *ONE_CYCLE, f"trainer.precision={precision}", f"trainer.step={step}"))
    assert math.isfinite(metrics["loss"])
    assert metrics["loss"] < 2 * math.log(12)  # of guesses, twice over


@pytest.mark.parametrize(
    "overrides",
    [
        [*ONE_CYCLE],
        ["experiment=sparse_cnn_adamw_cosine", "trainer.gradient_clip_val=0.5"],
        ["experiment=sparse_cnn_steplr", "trainer.precision=bf16-mixed", "data.first_epoch_batch_size=null"],
        ["experiment=dense_cnn_onecyclelr"],
    ],
    ids=["SGD and OneCycleLR", "AdamW, clipped", "StepLR in 16 bits", "dense"],
)
def test_replays_of_a_graph_are_the_step_taken_again_bit_for_bit(
    composed: Compose,
    tmp_path: Path,
    graphs: type[CountedGraphs],
    monkeypatch: pytest.MonkeyPatch,
    warnings_of: Callable[[], list[str]],
    overrides: list[str],
) -> None:
    settings = (*JOB, *overrides, "trainer.step=graph", "trainer.deterministic=true")
    replayed = trained(composed(*settings), tmp_path / "replayed")
    assert warnings_of() == []
    assert (graphs.captured, graphs.replayed) == (1, 3 * 5 - WARM_UP_STEPS)
    recorder = StepRecorder()
    monkeypatch.setattr(training, "GraphSteps", lambda: GraphSteps(lambda: recorder))
    again = trained(composed(*settings), tmp_path / "again")
    assert recorder.replayed == graphs.replayed
    assert_equal_trainings(replayed, again)


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("kernel", sorted(CARDS_WITH_TRITON))
def test_a_training_with_a_kernel_in_triton_ends_as_one_without_but_for_rounding(
    composed: Compose,
    graphs: type[CountedGraphs],
    monkeypatch: pytest.MonkeyPatch,
    kernel: str,
    precision: str,
) -> None:
    settings = (*JOB, *ONE_CYCLE, "trainer.step=graph", f"trainer.precision={precision}")
    without = train(composed(*settings))
    monkeypatch.setitem(CARDS_WITH_TRITON, kernel, frozenset({torch.cuda.get_device_name()}))
    with_it = train(composed(*settings))
    assert graphs.captured == 2
    assert close(without, with_it, 0.05)


def test_a_training_by_graphs_ends_as_an_eager_one_but_for_rounding(
    composed: Compose, graphs: type[CountedGraphs]
) -> None:
    """Torch's fused optimizers read a rate in a tensor in float32, and one that is a number in float64."""
    settings = (*JOB, *ONE_CYCLE, "trainer.deterministic=true")
    eager = train(composed(*settings, "trainer.step=eager"))
    graphed = train(composed(*settings, "trainer.step=graph"))
    assert graphs.captured == 1
    assert close(eager, graphed, 0.01)


@pytest.mark.parametrize("step", ["eager", "graph"])
def test_two_deterministic_trainings_are_equal_bit_for_bit(
    composed: Compose, tmp_path: Path, step: str
) -> None:
    settings = (*JOB, *ONE_CYCLE, "trainer.deterministic=true", f"trainer.step={step}")
    one, other = (trained(composed(*settings), tmp_path / name) for name in ("one", "other"))
    assert_equal_trainings(one, other)


class SyncsAreErrors(pl.Callback):
    """Has torch raise where the host waits for the GPU, in steps 2 to 20 of the second epoch."""

    FIRST, LAST = 1, 19
    steps = 0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.current_epoch == 1 and batch_idx == self.FIRST:
            torch.cuda.set_sync_debug_mode("error")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.current_epoch == 1 and self.FIRST <= batch_idx <= self.LAST:
            SyncsAreErrors.steps += 1
            if batch_idx == self.LAST:
                torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("fraction", ["0.5", "0"], ids=["clips on the GPU", "clips streamed"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("step", ["eager", "graph"])
def test_no_step_waits_for_the_gpu(
    composed: Compose, tmp_path: Path, step: str, precision: str, fraction: str
) -> None:
    config = composed(
        *LONG_EPOCHS,
        *ONE_CYCLE,
        f"trainer.step={step}",
        f"trainer.precision={precision}",
        f"data.resident_memory_fraction={fraction}",
        f"+callbacks.syncs._target_={SyncsAreErrors.__module__}.SyncsAreErrors",
    )
    config.logger = {
        "_target_": "pytorch_lightning.loggers.CSVLogger",
        "save_dir": str(tmp_path),
        "name": "metrics",
        "version": "",
    }
    SyncsAreErrors.steps = 0
    train(config, folder=tmp_path, should_stop=lambda: False)
    assert SyncsAreErrors.steps == 19


def test_a_checkpoint_is_handed_over_without_waiting_and_is_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_writer, "SECONDS_BETWEEN_WRITES", 1e6)
    io, path = BackgroundCheckpointIO(), tmp_path / "last.ckpt"
    weight = torch.zeros(1000, device="cuda")
    parts: dict[str, Any] = {"epoch": 0, "loops": {}, "optimizer_states": [], "lr_schedulers": []}
    for _ in range(2):  # the thread writes the second at once, and waits before the third
        io.save_checkpoint({**parts, "state_dict": {"weight": weight}}, path)
        io.flush()
    torch.cuda._sleep(100_000_000)  # type: ignore[no-untyped-call]
    weight.add_(1)
    torch.cuda.set_sync_debug_mode("error")
    io.save_checkpoint({**parts, "state_dict": {"weight": weight}}, path)
    weight.add_(1)
    torch.cuda.set_sync_debug_mode("default")
    io.flush()
    content = read_checkpoint(path)
    assert content is not None
    assert content["state_dict"]["weight"].eq(1).all()


def test_a_job_that_is_stopped_leaves_its_last_checkpoint_and_no_memory(
    composed: Compose, tmp_path: Path
) -> None:
    train(composed(*JOB, *ONE_CYCLE, "trainer.step=graph"))  # cuBLAS keeps what it has worked with once
    before = allocated_mib()
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) == 2 * 6 + 2  # in the third epoch

    config = composed(*JOB, *ONE_CYCLE, "trainer.step=graph")
    config.callbacks["checkpoint"] = {
        "_target_": "pytorch_lightning.callbacks.ModelCheckpoint",
        "dirpath": str(tmp_path),
        "filename": "last",
        "save_on_train_epoch_end": True,
        "enable_version_counter": False,
    }
    with pytest.raises(JobStoppedError, match="epoch 3"):
        train(config, should_stop=should_stop)
    content = read_checkpoint(tmp_path / "last.ckpt")
    assert content is not None
    assert content["epoch"] == 1
    assert allocated_mib() - before < 2


@pytest.mark.parametrize("step", ["eager", "graph"])
def test_jobs_that_follow_one_another_give_their_memory_back(
    composed: Compose, graphs: type[CountedGraphs], step: str
) -> None:
    used = []
    for size in (12, 16, 20, 24):
        settings = (GPU, *ONE_CYCLE, f"data.batch_size={size}", f"trainer.step={step}")
        train(composed(*settings))
        used.append(allocated_mib())
    assert graphs.captured == (4 if step == "graph" else 0)
    assert max(used) - used[0] < 2


def allocated_mib() -> float:
    """Return how much of the GPU's memory is in use once nothing in Python refers to more."""
    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    return torch.cuda.memory_allocated() / MIB


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app")


@pytest.mark.parametrize("step", ["eager", "graph"])
def test_a_killed_job_ends_as_if_it_had_never_been_killed(folder: Path, step: str) -> None:
    arguments = [*ONE_CYCLE, GPU, "trainer.deterministic=true", f"trainer.step={step}"]
    jobs.train(folder, f"{step}/unharmed", *arguments)
    kill = [f"+callbacks.kill.{name}" for name in (f"_target_={KILL}", "epoch=3", "batch=2")]
    prompt = f"+callbacks.prompt._target_={PROMPT}"
    result = app_process.run(
        jobs.command(f"{step}/killed", *arguments, prompt, *kill),
        cwd=folder,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert jobs.whole_checkpoint(jobs.last(folder, f"{step}/killed"))["epoch"] == 2
    resumed = jobs.train(folder, f"{step}/killed", *arguments)
    assert "resuming after epoch" in resumed
    jobs.assert_equal_ends(folder, f"{step}/unharmed", f"{step}/killed")


def test_two_slots_share_a_gpu(folder: Path) -> None:
    search = [
        *("-m", "hydra/sweeper=sigopt", "hydra/launcher=joblib"),
        *("sigopt.parallel_bandwidth=2", "sigopt.observation_budget=4", "hydra.sweep.dir=slots"),
        *(GPU, "trainer.step=graph"),
    ]
    result = app_process.run(
        [sys.executable, str(jobs.TRAIN), *search, *jobs.JOB],
        cwd=folder,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )
    assert result.returncode == 0, result.stderr
    outcomes = [read_outcome(path.parent) for path in sorted(folder.glob("slots/*/outcome.json"))]
    assert len(outcomes) == 4
    assert all(outcome is not None and outcome.values for outcome in outcomes)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two NVIDIA GPUs")
def test_two_gpus_train_together(composed: Compose) -> None:
    metrics = train(composed(*ONE_CYCLE, "trainer.gpus=2"))
    assert math.isfinite(metrics["loss"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated")  # inside torch's compiler
def test_a_compiled_training_ends_as_an_eager_one_but_for_rounding(
    composed: Compose, warnings_of: Callable[[], list[str]]
) -> None:
    settings = (*ONE_CYCLE, GPU, "data.batch_size=32", "trainer.max_epochs=2", "trainer.precision=32-true")
    eager = train(composed(*settings, "trainer.step=eager"))
    compiled = train(composed(*settings, "trainer.step=compile"))
    assert warnings_of() == []
    assert close(eager, compiled, 0.05)
