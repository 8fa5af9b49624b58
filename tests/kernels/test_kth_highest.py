import pytest
import torch

from sigtune.kernels import library
from sigtune.kernels.kth_highest import kth_highest


@pytest.fixture(params=["compiled", "numpy"])
def _implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "numpy":
        monkeypatch.setattr(library, "LIBRARY", None)
    elif not library.is_compiled():
        pytest.skip("installed without a C++ compiler")


@pytest.mark.usefixtures("_implementation")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("k", [1, 3, 50, 99, 100])
def test_kth_highest_agrees_with_a_full_sort(k: int, dtype: torch.dtype) -> None:
    values = torch.randn(7, 100, generator=torch.Generator().manual_seed(6)).to(dtype)
    values[0] = values[0].round()  # many ties
    values[1, ::3] = float("inf")
    values[2, ::2] = float("-inf")
    values[3] *= 1e-42
    assert torch.equal(kth_highest(values, k), values.sort(descending=True).values[:, k - 1 : k])


@pytest.mark.usefixtures("_implementation")
def test_a_nan_counts_as_the_highest() -> None:
    values = torch.tensor([[1.0, float("nan"), 3.0, float("inf"), -float("nan")]])
    assert kth_highest(values, 2).isnan()
    assert kth_highest(values, 3) == float("inf")
    assert kth_highest(values, 4) == 3


@pytest.mark.usefixtures("_implementation")
def test_the_two_zeros_are_equal() -> None:
    values = torch.tensor([[0.0, -0.0, 0.0, -1.0]])
    assert all(kth_highest(values, k) == 0 for k in (1, 2, 3))


def test_kth_highest_leaves_the_values_in_place_and_owns_its_result() -> None:
    values = torch.randn(4, 30, generator=torch.Generator().manual_seed(8))
    before = values.clone()
    assert kth_highest(values, 5).untyped_storage().nbytes() == 4 * 4
    assert torch.equal(values, before)
