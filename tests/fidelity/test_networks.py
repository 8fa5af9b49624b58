"""The published networks of conf/model/: their order, their counts and where their weights start."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tests.models.networks import published
from torch import nn

from sigtune.models.k_winners import KWinners, KWinners2d
from sigtune.models.sparse_weights import SparseConv2d, SparseLinear


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)  # a weight drawn at random is exactly 0 once in 2²⁴ times


@pytest.mark.parametrize(
    ("network", "parameters", "nonzero"),
    [
        # Weights and biases of the convolutions, of the linear layer and of the one to the 12 classes:
        # 1664 + 102,464 + 1,601,000 + 12,012; not zero 832 + 20,544 + 161,000 + 12,012
        ("le_sparse_net", 1_717_140, 194_388),
        ("le_super_sparse_net", 2_523_640, 160_888),
        ("gsc_sparse_cnn", 1_717_140, 757_140),  # 640 of 1600 weights of each linear unit
        ("dense_cnn", 1_717_140, 1_717_140),
    ],
)
def test_parameters_are_as_many_as_published(network: str, parameters: int, nonzero: int) -> None:
    model = published(network)
    layers = [layer for layer in model.modules() if hasattr(layer, "weight") and hasattr(layer, "bias")]
    tensors = [tensor for layer in layers for tensor in (layer.weight, layer.bias) if tensor is not None]
    assert sum(tensor.numel() for tensor in tensors) == parameters
    assert sum(int(tensor.count_nonzero()) for tensor in tensors) == nonzero
    assert sum(parameter.numel() for parameter in model.parameters()) == nonzero  # the zeros are not held


@pytest.mark.parametrize(
    ("network", "training", "inference"),
    [
        ("le_sparse_net", [4767, 800, 100], [4767, 800, 100]),
        ("le_super_sparse_net", [4767, 800, 150], [4767, 800, 150]),
        ("gsc_sparse_cnn", [1200, 200, 100], [1800, 300, 150]),
    ],
)
def test_winners_are_as_many_as_published(network: str, training: list[int], inference: list[int]) -> None:
    model = published(network)
    before_pool = network.startswith("le_")
    positions = [28**2, 10**2] if before_pool else [14**2, 5**2]
    layers = [layer for layer in model.modules() if isinstance(layer, KWinners | KWinners2d)]
    units = [64 * count for count in positions] + [len(layers[-1].duty_cycle)]
    assert [layer.k(count) for layer, count in zip(layers, units, strict=True)] == training
    model.eval()
    assert [layer.k(count) for layer, count in zip(layers, units, strict=True)] == inference
    assert [block.winners.before_pool for block in model.features] == [before_pool] * 2


@pytest.mark.parametrize(
    ("network", "strength"), [("le_sparse_net", 1.35), ("le_super_sparse_net", 1.35), ("gsc_sparse_cnn", 1.5)]
)
def test_the_first_epoch_boosts_as_strongly_as_published(network: str, strength: float) -> None:
    layers = [layer for layer in published(network).modules() if isinstance(layer, KWinners | KWinners2d)]
    assert [float(layer.boost_strength) for layer in layers] == pytest.approx([strength] * 3)


@pytest.mark.parametrize("before_pool", [True, False])
def test_layers_follow_each_other_as_published(before_pool: bool) -> None:
    model = published("le_sparse_net" if before_pool else "gsc_sparse_cnn").double()  # in torch's own layers
    order: list[type[nn.Module]] = []
    for layer in model.modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda layer, *_: order.append(type(layer)))
    model(torch.randn(2, 1, 32, 32, dtype=torch.float64))
    after = [KWinners2d, nn.MaxPool2d] if before_pool else [nn.MaxPool2d, KWinners2d]
    assert order == [
        *[SparseConv2d, nn.BatchNorm2d, *after] * 2,
        *[nn.Flatten, SparseLinear, nn.BatchNorm1d, KWinners, nn.Linear],
    ]


@pytest.mark.parametrize(("index", "fan_in"), [(0, 25), (1, 1600), (2, 1600)])
def test_initial_weights_are_uniform_within_the_bounds_of_all_inputs(index: int, fan_in: int) -> None:
    model: Any = published("le_sparse_net")
    layers = [layer for layer in model.modules() if isinstance(layer, SparseConv2d | SparseLinear)]
    kept = layers[index].weight.detach()[layers[index].kept].double() * math.sqrt(fan_in)
    assert kept.abs().max() <= 1 + 1e-6
    # The quantiles of a uniform distribution on (−1, 1); of n values they vary by 1/√n at most.
    quantiles = torch.quantile(kept[:100_000], torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9]).double())
    expected = torch.tensor([-0.8, -0.5, 0.0, 0.5, 0.8]).double()
    assert (quantiles - expected).abs().max() < 4 / math.sqrt(min(len(kept), 100_000))
