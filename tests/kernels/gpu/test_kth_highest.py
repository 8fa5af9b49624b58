"""Triton's selection, in its interpreter where there is no GPU. Skipped where Triton is not installed."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

Selection = Callable[[Tensor, int], Tensor]


@pytest.fixture
def kth_highest(device: str) -> Selection:
    from sigtune.kernels.gpu.kth_highest import kth_highest

    return lambda values, k: kth_highest(values.to(device), k).cpu()


def by_sorting(values: Tensor, k: int) -> Tensor:
    return values.sort(dim=1, descending=True).values[:, k - 1 : k]


@pytest.mark.parametrize("k", [1, 3, 50, 99, 100])
def test_it_agrees_with_a_full_sort(kth_highest: Selection, k: int) -> None:
    values = torch.randn(7, 100, generator=torch.Generator().manual_seed(6))
    values[0] = values[0].round()  # many ties
    values[1, ::3] = float("inf")
    values[2, ::2] = float("-inf")
    values[3] *= 1e-42
    values[4] = -0.0
    assert torch.equal(kth_highest(values, k), by_sorting(values, k))


# The layers of the networks in conf/, and the longest row that it takes.
@pytest.mark.parametrize(
    ("units", "k"), [(50176, 4767), (12544, 1192), (6400, 800), (1600, 200), (1000, 100), (65536, 1), (1, 1)]
)
def test_it_agrees_at_the_layers_sizes(kth_highest: Selection, units: int, k: int) -> None:
    values = torch.randn(3, units, generator=torch.Generator().manual_seed(7))
    assert torch.equal(kth_highest(values, k), by_sorting(values, k))


def test_a_nan_of_either_sign_counts_as_the_highest(kth_highest: Selection) -> None:
    values = torch.tensor([[1.0, float("nan"), 3.0, float("inf"), -float("nan")]])
    assert kth_highest(values, 2).isnan().all()
    assert kth_highest(values, 3).item() == float("inf")
    assert kth_highest(values, 4).item() == 3


def test_it_takes_rows_that_do_not_lie_one_after_the_other(kth_highest: Selection) -> None:
    values = torch.randn(40, 6, generator=torch.Generator().manual_seed(8)).T
    assert torch.equal(kth_highest(values, 5), by_sorting(values, 5))


@pytest.mark.usefixtures("device")
def test_it_takes_rows_of_float32_that_fit_a_block() -> None:
    from sigtune.kernels.gpu.kth_highest import takes

    assert takes(torch.empty(2, 50176))
    assert not takes(torch.empty(2, 70000))
    assert not takes(torch.empty(2, 100, dtype=torch.float64))
