import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.gradients import backward
from torch import Tensor, nn

from sigtune.models.sparse_weights import SparseConv2d, SparseLinear, weight_sparsity

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


OPTIMIZERS: dict[str, MakeOptimizer] = {
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01, weight_decay=0.1),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1),
}


def steps(model: nn.Module, make_optimizer: MakeOptimizer, masks: Mapping[str, Tensor]) -> None:
    """Train five steps, after each of which the weights that a parameter's mask leaves out are zeroed."""
    optimizer, generator = make_optimizer(model.parameters()), torch.Generator().manual_seed(0)
    dtype = next(model.parameters()).dtype
    for _ in range(5):
        optimizer.zero_grad()
        backward(model(torch.randn(64, 2, 8, 8, generator=generator).to(dtype)).square().mean())
        optimizer.step()
        with torch.no_grad():
            for name, mask in masks.items():
                model.get_parameter(name).mul_(mask)


# In 32 bits the linear layer is the compiled one, in 64 torch's.
@pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_training_moves_the_kept_weights_as_masks_on_dense_layers_would(
    make_optimizer: MakeOptimizer, dtype: torch.dtype, tolerance: float
) -> None:
    sparse = (SparseConv2d(2, 6, 3, 0.75), nn.Flatten(), SparseLinear(216, 300, 0.9))
    model: Any = nn.Sequential(*sparse).to(dtype)
    dense: Any = nn.Sequential(nn.Conv2d(2, 6, 3), nn.Flatten(), nn.Linear(216, 300)).to(dtype)
    masks = {"0.weight": model[0].kept, "2.weight": model[2].kept}
    for index in (0, 2):
        dense[index].load_state_dict({"weight": model[index].weight, "bias": model[index].bias})
    start = [model[index].weight.detach() for index in (0, 2)]
    steps(model, make_optimizer, {})
    steps(dense, make_optimizer, masks)
    for index, before in zip((0, 2), start, strict=True):
        layer = model[index]
        torch.testing.assert_close(layer.weight, dense[index].weight, rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(layer.bias, dense[index].bias, rtol=tolerance, atol=tolerance)
        assert (layer.weight != before)[layer.kept].all()
        assert torch.equal(layer.weight != 0, layer.kept)


def test_an_optimiser_has_the_kept_weights_alone() -> None:
    layer = SparseLinear(100, 20, 0.9)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    backward(layer(torch.randn(4, 100)).sum())
    optimizer.step()
    assert [tuple(state["momentum_buffer"].shape) for state in optimizer.state.values()] == [(20, 10), (20,)]


def test_weight_sparsity_counts_the_zeros_of_sparse_layers_alone() -> None:
    model: Any = nn.Sequential(SparseLinear(10, 20, 0.9), nn.Linear(20, 10), SparseLinear(10, 10, 0.5))
    assert weight_sparsity(model) == pytest.approx((180 + 50) / 300)
    with torch.no_grad():
        model[0].values[:10] = 0.0
    assert weight_sparsity(model) == pytest.approx((190 + 50) / 300)
    assert weight_sparsity(nn.Linear(3, 3)) == 0


MAKE_LAYERS: dict[str, Callable[[], SparseLinear | SparseConv2d]] = {
    "linear": lambda: SparseLinear(30, 10, 0.8),
    "convolution": lambda: SparseConv2d(3, 10, 5, 0.8),
}


@pytest.mark.parametrize("make", MAKE_LAYERS.values(), ids=MAKE_LAYERS)
def test_a_checkpoint_brings_its_own_choice_of_weights(
    make: Callable[[], SparseLinear | SparseConv2d], tmp_path: Path
) -> None:
    saved, restored = make(), make()
    torch.save(saved.state_dict(), tmp_path / "layer.pt")
    assert not torch.equal(restored.kept, saved.kept)
    restored.load_state_dict(torch.load(tmp_path / "layer.pt", weights_only=True))
    assert torch.equal(restored.weight, saved.weight)
    assert torch.equal(restored.kept, saved.kept)


@pytest.mark.parametrize("make", MAKE_LAYERS.values(), ids=MAKE_LAYERS)
def test_a_checkpoint_of_all_weights_with_a_mask_is_still_read(
    make: Callable[[], SparseLinear | SparseConv2d],
) -> None:
    saved: Any = nn.Sequential(make())
    restored: Any = nn.Sequential(make())
    layer: Any = saved[0]
    state = {"0.weight": layer.weight.detach(), "0.bias": layer.bias.detach(), "0.kept": layer.kept}
    restored.load_state_dict(state)
    assert set(state) == {"0.weight", "0.bias", "0.kept"}
    for name, tensor in saved.state_dict().items():
        assert torch.equal(restored.state_dict()[name], tensor), name
    x = torch.randn(4, 30) if isinstance(layer, SparseLinear) else torch.randn(4, 3, 8, 8)
    assert torch.equal(restored(x), saved(x))


def test_layers_without_memory_take_their_weights_from_a_checkpoint() -> None:
    with torch.device("meta"):
        model: Any = nn.Sequential(SparseConv2d(2, 6, 3, 0.75), nn.Flatten(), SparseLinear(24, 5, 0.9))
        assert model(torch.zeros(3, 2, 4, 4)).shape == (3, 5)
    saved = nn.Sequential(SparseConv2d(2, 6, 3, 0.75), nn.Flatten(), SparseLinear(24, 5, 0.9))
    model.to_empty(device="cpu").load_state_dict(saved.state_dict())
    x = torch.randn(3, 2, 4, 4)
    assert torch.equal(model(x), saved(x))


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, math.nan])
def test_a_sparsity_out_of_range_is_named(sparsity: float) -> None:
    with pytest.raises(ValueError, match=rf"^sparsity is {sparsity}; it must be in \[0, 1\)$"):
        SparseLinear(4, 4, sparsity)
    with pytest.raises(ValueError, match=rf"^sparsity is {sparsity}; it must be in \[0, 1\)$"):
        SparseConv2d(4, 4, 3, sparsity)
