"""`trainer.step=graph` on the CPU, where a recorder that takes each step once more stands in for CUDA graphs.

This tests what is around the graph; tests/training/test_on_gpu.py has what a GPU makes of it.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from tests.training.fixture_types import Compose
from tests.training.step_recorder import StepRecorder
from tests.training.whole_trainings import (
    BrokenOffError,
    assert_equal,
    assert_equal_trainings,
    broken_off,
    trained,
)
from torch import Tensor, nn

from sigtune.models.k_winners import KWinners, k_winner_layers
from sigtune.training import targets
from sigtune.training import train as training
from sigtune.training.callbacks.graph_steps import GraphSteps
from sigtune.training.classifier import Classifier
from sigtune.training.graphed_step import WARM_UP_STEPS, GraphedStep, Step
from sigtune.training.train import train

EPOCHS = 2
# 96 clips: five batches of 18 an epoch, and one of 6.
ONE_EPOCH = ("trainer.max_epochs=1", "data.batch_size=18", "model.conv_channels=[16,16]")
JOB = (*ONE_EPOCH, "trainer.max_epochs=2")
BATCHES = 5


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> StepRecorder:
    """What takes the place of CUDA's graphs in `train`."""
    recorder = StepRecorder()
    monkeypatch.setattr(training, "GraphSteps", lambda: GraphSteps(lambda: recorder, "cpu"))
    return recorder


@pytest.fixture
def warnings_of(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING, "sigtune")
    return lambda: [one.message for one in caplog.records if one.name.startswith("sigtune")]


@pytest.mark.parametrize(
    "overrides",
    [
        ["experiment=sparse_cnn_onecyclelr", "optimizer.momentum=0.9"],
        ["experiment=sparse_cnn_adamw_cosine", "trainer.gradient_clip_val=0.5"],
        ["experiment=sparse_cnn_steplr", "trainer.precision=bf16-mixed"],
    ],
    ids=["SGD and OneCycleLR", "AdamW, clipped", "StepLR in 16 bits"],
)
def test_a_training_by_replays_ends_bit_for_bit_as_an_eager_one(
    composed: Compose, tmp_path: Path, recorder: StepRecorder, overrides: list[str]
) -> None:
    settings = (*JOB, *overrides, "data.first_epoch_batch_size=null")
    eager = trained(composed(*settings, "trainer.step=eager"), tmp_path / "eager")
    assert recorder.captured == 0
    graphed = trained(composed(*settings, "trainer.step=graph"), tmp_path / "graph")
    # Each epoch's last batch is a smaller one, and steps once eagerly.
    assert (recorder.warmed_up, recorder.captured) == (WARM_UP_STEPS + EPOCHS, 1)
    assert recorder.replayed == EPOCHS * BATCHES - WARM_UP_STEPS
    assert_equal_trainings(eager, graphed)


def test_a_training_resumes_in_the_middle_of_its_graphs(
    composed: Compose, tmp_path: Path, recorder: StepRecorder
) -> None:
    settings = ("experiment=sparse_cnn_onecyclelr", *JOB, "trainer.step=graph")
    whole = trained(composed(*settings), tmp_path / "whole")
    with pytest.raises(BrokenOffError):
        trained(broken_off(composed(*settings), epoch=1, batch=2), tmp_path / "resumed")
    resumed = trained(composed(*settings), tmp_path / "resumed")
    assert_equal_trainings(whole, resumed)


def test_the_first_epochs_batches_may_be_others(
    composed: Compose, tmp_path: Path, recorder: StepRecorder
) -> None:
    settings = ("experiment=sparse_cnn_steplr", *JOB, "data.first_epoch_batch_size=12")
    eager = trained(composed(*settings, "trainer.step=eager"), tmp_path / "eager")
    graphed = trained(composed(*settings, "trainer.step=graph"), tmp_path / "graph")
    assert recorder.captured == 2
    assert_equal(eager["state_dict"], graphed["state_dict"])


# On the CPU there are no graphs of any kind.
NOT_ON_A_CPU = "trainer.step=graph has no effect, training is eager: it trains on cpu, and graphs are a GPU's"


def test_without_a_gpu_a_line_says_so_and_training_is_eager(
    composed: Compose, warnings_of: Callable[[], list[str]]
) -> None:
    eager = train(composed("trainer.step=eager"))
    assert warnings_of() == []
    assert train(composed("trainer.step=graph")) == eager
    assert warnings_of() == [NOT_ON_A_CPU]


def test_auto_is_eager(composed: Compose, recorder: StepRecorder) -> None:
    train(composed(*ONE_EPOCH))
    assert recorder.warmed_up == 0


class Swish(nn.Module):
    """A layer of the user's, which might do anything in Python."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x.sigmoid()


class UsersNetwork(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(1024, 12), Swish())


class UsersClassifier(Classifier):
    pass


class LooksAtGradients(pl.Callback):
    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert any(parameter.grad is not None for parameter in pl_module.parameters())


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["optimizer.fused=false"], "optimizer SGD has fused=false"),
        (["trainer.accumulate_grad_batches=2"], "trainer.accumulate_grad_batches=2"),
        (["trainer.precision=64-true"], "trainer.precision=64-true; 32-true and bf16-mixed can be captured"),
        (["trainer.detect_anomaly=true"], "trainer.detect_anomaly=true looks at each operation"),
        (
            ["+callbacks.gradients._target_=tests.training.test_graph_steps.LooksAtGradients"],
            "callback LooksAtGradients has on_after_backward, which is inside of a step",
        ),
    ],
)
def test_what_cannot_be_captured_is_told_in_a_line_and_trains_eagerly(
    composed: Compose,
    recorder: StepRecorder,
    warnings_of: Callable[[], list[str]],
    overrides: list[str],
    reason: str,
) -> None:
    eager = train(composed(*ONE_EPOCH, *overrides, "trainer.step=eager"))
    assert train(composed(*ONE_EPOCH, *overrides, "trainer.step=graph")) == eager
    assert warnings_of() == [f"trainer.step=graph has no effect, training is eager: {reason}"]
    assert recorder.warmed_up == 0


@pytest.mark.parametrize(
    ("key", "name", "reason"),
    [
        ("model", "UsersNetwork", "layer UsersNetwork is neither torch's nor sigtune's"),
        ("_target_", "UsersClassifier", "module UsersClassifier is not sigtune's Classifier"),
    ],
)
def test_what_is_the_users_own_is_not_captured(
    composed: Compose,
    recorder: StepRecorder,
    warnings_of: Callable[[], list[str]],
    key: str,
    name: str,
    reason: str,
) -> None:
    config = composed(*ONE_EPOCH, "trainer.step=graph")
    target = f"tests.training.test_graph_steps.{name}"
    setattr(config.module, key, target if key == "_target_" else {"_target_": target})
    train(config)
    assert warnings_of() == [f"trainer.step=graph has no effect, training is eager: {reason}"]
    assert recorder.warmed_up == 0


def test_a_capture_that_fails_is_told_once_and_training_goes_on_eagerly(
    composed: Compose, recorder: StepRecorder, warnings_of: Callable[[], list[str]]
) -> None:
    recorder.error = "operation not permitted when stream is capturing\nand more lines"
    eager = train(composed(*ONE_EPOCH, "trainer.step=eager"))
    assert train(composed(*ONE_EPOCH, "trainer.step=graph")) == eager
    line = (
        "trainer.step=graph: steps are eager from here on: operation not permitted when stream is capturing"
    )
    assert warnings_of() == [line]
    assert recorder.warmed_up == WARM_UP_STEPS


def graphed_linear(recorder: StepRecorder) -> GraphedStep:
    """Return the step of a linear layer, (N, 3) inputs and (N,) targets."""
    layer = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, fused=True)

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.mse_loss(layer(inputs)[:, 0], targets)

    return GraphedStep(loss, optimizer, lambda: None, recorder)


def test_the_reason_is_the_first_error_of_a_capture_whose_end_raises_another(
    warnings_of: Callable[[], list[str]],
) -> None:
    class Invalid(StepRecorder):
        def capture(self, step: Step) -> Step:
            try:
                raise RuntimeError("operation not permitted")
            finally:
                raise RuntimeError("the capture failed because of a previous error")

    step = graphed_linear(Invalid())
    for _ in range(WARM_UP_STEPS + 2):
        step(torch.ones(4, 3), torch.zeros(4))
    assert warnings_of() == ["trainer.step=graph: steps are eager from here on: operation not permitted"]


def test_the_last_batches_of_many_epochs_do_not_take_the_graph_of_the_others() -> None:
    recorder = StepRecorder()
    step = graphed_linear(recorder)
    for _ in range(12):
        for size in (4, 4, 4, 4, 4, 2):
            step(torch.ones(size, 3), torch.zeros(size))
    assert recorder.captured == 1
    assert recorder.replayed == 12 * 5 - WARM_UP_STEPS


def test_a_momentum_that_is_scheduled_is_not_replayed_with_the_first_one(
    composed: Compose, recorder: StepRecorder, warnings_of: Callable[[], list[str]]
) -> None:
    experiment = ("experiment=sparse_cnn_onecyclelr", "optimizer.momentum=0.9")
    settings = (*ONE_EPOCH, *experiment, "scheduler.cycle_momentum=true")
    eager = train(composed(*settings, "trainer.step=eager"))
    assert train(composed(*settings, "trainer.step=graph")) == eager
    (line,) = warnings_of()
    assert "momentum of the optimizer changes from step to step" in line


class CapturesOnly(StepRecorder):
    def capture(self, step: Step) -> Step:
        super().capture(step)
        return lambda: torch.zeros(())


def test_a_capture_changes_nothing() -> None:
    """Weights, duty cycles, running statistics, optimizer and random numbers are as before, bit for bit."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), KWinners(8, 0.5), nn.Dropout(), nn.Linear(8, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(model(inputs), targets)

    step = GraphedStep(loss, optimizer, lambda: None, CapturesOnly())
    batch = torch.randn(4, 6), torch.tensor([0, 1, 0, 1])
    for _ in range(WARM_UP_STEPS):
        step(*batch)

    def state() -> list[Any]:
        parts = [*model.state_dict().values(), *map(dict, optimizer.state.values())]
        groups = [{**group, "params": None} for group in optimizer.param_groups]
        return [*map(copied, parts), groups, torch.get_rng_state()]

    before = state()
    step(*batch)
    assert_equal(before, state())
    assert k_winner_layers(model)["2"].samples_seen == WARM_UP_STEPS * 4


def copied(value: Any) -> Any:
    return {name: copied(one) for name, one in value.items()} if isinstance(value, dict) else value.clone()


def test_a_graph_is_given_back_when_training_ends_or_breaks_off(
    composed: Compose, recorder: StepRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules: list[Any] = []

    def build(group: str, section: Any) -> Any:
        modules.append(targets.build(group, section))
        return modules[-1]

    monkeypatch.setattr(training, "build", build)
    train(composed(*JOB, "trainer.step=graph"))
    assert recorder.captured == 1
    assert modules[-1].graphed_step is None
    with pytest.raises(BrokenOffError):
        train(broken_off(composed(*JOB, "trainer.step=graph"), epoch=1, batch=2))
    assert recorder.captured == 2
    assert modules[-1].graphed_step is None
