"""A GPU is not waited for inside an epoch: no step asks for a value that only the device knows."""

from pathlib import Path

import pytest
import torch
from tests.training.fixture_types import Compose
from tests.training.host_waits import CountWaits, Waits, asks_for_a_value
from torch.nn import functional

from sigtune.kernels import library
from sigtune.training.targets import build
from sigtune.training.train import train

COUNTING = "+callbacks.waits._target_=tests.training.host_waits.CountWaits"
CSV = {"_target_": "pytorch_lightning.loggers.CSVLogger", "name": "metrics", "version": ""}
# 24 steps an epoch, each of which is logged.
LONG_EPOCHS = ("data.batch_size=4", COUNTING)


def test_what_waits_is_found() -> None:
    assert asks_for_a_value() == ["aten::_local_scalar_dense"]


@pytest.mark.parametrize("way", ["compiled", "torch"])
@pytest.mark.parametrize(
    "overrides",
    [
        ["experiment=sparse_cnn_onecyclelr", "trainer.gradient_clip_val=1.0"],
        ["experiment=sparse_cnn_adamw_cosine", "trainer.precision=bf16-mixed"],
    ],
    ids=["SGD and OneCycleLR", "AdamW and a cosine in 16 bits"],
)
def test_no_step_of_a_training_asks_for_a_value(
    composed: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, overrides: list[str]
) -> None:
    if way == "torch":  # the operations of a GPU
        monkeypatch.setattr(library, "LIBRARY", None)
    config = composed(*overrides, *LONG_EPOCHS)
    config.logger = {**CSV, "save_dir": str(tmp_path)}
    train(config, folder=tmp_path)
    counted = CountWaits.last
    assert counted.steps == 19
    assert counted.waits.operations > 19 * 30
    assert counted.waits.found == []
    assert "lr-" in (tmp_path / "metrics" / "metrics.csv").read_text()


@pytest.mark.parametrize("model", ["le_sparse_net", "sparse_cnn", "dense_cnn"])
def test_a_step_is_taken_on_a_device_that_has_no_values_at_all(composed: Compose, model: str) -> None:
    network = build("model", composed(f"model={model}").model).to("meta")
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    places = {name: id(tensor) for name, tensor in network.state_dict(keep_vars=True).items()}
    waits = Waits()
    with waits:
        for _ in range(2):
            optimizer.zero_grad()
            images = torch.empty(8, 1, 32, 32, device="meta")
            targets = torch.empty(8, dtype=torch.int64, device="meta")
            functional.cross_entropy(network(images), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    assert waits.found == []
    assert places == {name: id(tensor) for name, tensor in network.state_dict(keep_vars=True).items()}


def test_all_state_stays_where_it_is_over_steps_and_epochs(composed: Compose) -> None:
    """A graph reads and writes by address."""
    train(composed("+callbacks.places._target_=tests.training.host_waits.KeepPlaces", "data.batch_size=24"))


@pytest.mark.parametrize("model", ["le_sparse_net", "sparse_cnn"])
def test_a_network_on_torchs_path_is_one_graph_without_a_break(
    composed: Compose, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setattr(library, "LIBRARY", None)
    network = build("model", composed(f"model={model}").model)
    try:
        explained = torch._dynamo.explain(network)(torch.randn(4, 1, 32, 32))
    finally:
        torch.compiler.reset()
    assert (explained.graph_count, explained.graph_break_count) == (1, 0)
