import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sigtune.models.sparse_weights import SparseConv2d, SparseLinear, rezero_weights, weight_sparsity

MakeOptimizer = Callable[[Iterable[Tensor]], torch.optim.Optimizer]


def nonzero_per_unit(layer: SparseLinear | SparseConv2d) -> Tensor:
    return layer.weight.flatten(1).count_nonzero(dim=1)


@pytest.mark.parametrize(
    ("sparsity", "kept"), [(0.0, 40), (0.5, 20), (0.9, 4), (0.63, 15), (0.99, 1), (0.999, 1)]
)
def test_each_linear_unit_keeps_its_exact_number_of_weights_and_at_least_1(
    sparsity: float, kept: int
) -> None:
    layer = SparseLinear(40, 30, sparsity)
    assert (nonzero_per_unit(layer) == kept).all()
    assert torch.equal(layer.weight != 0, layer.kept)


def test_each_filter_keeps_its_exact_number_of_weights() -> None:
    layer = SparseConv2d(8, 16, 5, 0.8)  # 20 % of 200
    assert layer.weight.shape == (16, 8, 5, 5)
    assert (nonzero_per_unit(layer) == 40).all()


def test_a_filter_of_25_weights_half_of_them_zero_keeps_12() -> None:
    assert (nonzero_per_unit(SparseConv2d(1, 64, 5, 0.5)) == 12).all()


def test_which_weights_are_kept_follows_torchs_seed_and_differs_by_unit() -> None:
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(SparseLinear(100, 20, 0.7).kept)
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
    assert len({tuple(row) for row in masks[0].tolist()}) == 20


def test_all_inputs_are_as_likely_to_be_kept() -> None:
    share = SparseLinear(50, 4000, 0.8).kept.float().mean(dim=0)
    # A share of 0.2 over 4,000 units has a standard deviation of 0.0063.
    assert (share - 0.2).abs().max() < 5 * 0.0063


def test_kept_weights_and_bias_start_as_those_of_a_dense_layer() -> None:
    for make_sparse, make_dense in (
        (lambda: SparseLinear(400, 300, 0.9), lambda: nn.Linear(400, 300)),
        (lambda: SparseConv2d(16, 300, 5, 0.9), lambda: nn.Conv2d(16, 300, 5)),
    ):
        torch.manual_seed(1)
        sparse = make_sparse()
        torch.manual_seed(1)
        dense = make_dense()
        assert torch.equal(sparse.weight, dense.weight * sparse.kept)
        assert sparse.bias is not None
        assert dense.bias is not None
        assert torch.equal(sparse.bias, dense.bias)


def test_the_layers_compute_what_their_dense_kin_would_with_the_same_weights() -> None:
    linear, convolution = SparseLinear(6, 4, 0.5), SparseConv2d(2, 3, 3, 0.5)
    x, image = torch.randn(5, 6), torch.randn(5, 2, 8, 8)
    assert torch.equal(linear(x), nn.functional.linear(x, linear.weight, linear.bias))
    assert torch.equal(convolution(image), nn.functional.conv2d(image, convolution.weight, convolution.bias))


@pytest.mark.parametrize(
    "make_optimizer",
    [
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01),
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.1),
    ],
)
def test_weights_stay_zero_through_training_and_the_kept_ones_learn(make_optimizer: MakeOptimizer) -> None:
    model: Any = nn.Sequential(SparseConv2d(2, 6, 3, 0.75), nn.Flatten(), SparseLinear(24, 5, 0.5))
    optimizer = make_optimizer(model.parameters())
    start = [model[0].weight.detach().clone(), model[2].weight.detach().clone()]
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.randn(8, 2, 4, 4)).square().mean().backward()
        optimizer.step()
        # Without the call below the step alone would not do: the gradients of zeroed weights are not zero.
        assert (model[2].weight[~model[2].kept] != 0).any()
        rezero_weights(model)
        for layer in (model[0], model[2]):
            assert torch.equal(layer.weight != 0, layer.kept)
    for layer, before in zip((model[0], model[2]), start, strict=True):
        assert (layer.weight != before)[layer.kept].all()


def test_rezeroing_leaves_kept_weights_and_dense_layers_alone() -> None:
    model: Any = nn.Sequential(SparseLinear(10, 10, 0.5), nn.Linear(10, 3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(2.0)
    rezero_weights(model)
    assert torch.equal(model[0].weight, 2.0 * model[0].kept)
    assert (model[1].weight == 2.0).all()


def test_weight_sparsity_counts_the_zeros_of_sparse_layers_alone() -> None:
    model: Any = nn.Sequential(SparseLinear(10, 20, 0.9), nn.Linear(20, 10), SparseLinear(10, 10, 0.5))
    assert weight_sparsity(model) == pytest.approx((180 + 50) / 300)
    with torch.no_grad():
        model[0].weight.fill_(1.0)
    assert weight_sparsity(model) == pytest.approx(50 / 300)
    assert weight_sparsity(nn.Linear(3, 3)) == 0


def test_a_checkpoint_brings_its_own_choice_of_weights(tmp_path: Path) -> None:
    saved = SparseLinear(30, 10, 0.8)
    torch.save(saved.state_dict(), tmp_path / "layer.pt")
    restored = SparseLinear(30, 10, 0.8)
    assert not torch.equal(restored.kept, saved.kept)
    restored.load_state_dict(torch.load(tmp_path / "layer.pt", weights_only=True))
    rezero_weights(restored)
    assert torch.equal(restored.weight, saved.weight)
    assert restored.kept.dtype == torch.bool


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, math.nan])
def test_a_sparsity_out_of_range_is_named(sparsity: float) -> None:
    with pytest.raises(ValueError, match=rf"^sparsity is {sparsity}; it must be in \[0, 1\)$"):
        SparseLinear(4, 4, sparsity)
    with pytest.raises(ValueError, match=rf"^sparsity is {sparsity}; it must be in \[0, 1\)$"):
        SparseConv2d(4, 4, 3, sparsity)
