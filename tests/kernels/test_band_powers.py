from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from sigtune.data.front_end import mel_filters
from sigtune.kernels import library
from sigtune.kernels.band_powers import band_powers


@pytest.fixture(params=["compiled", "torch"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "torch":
        monkeypatch.setattr(library, "LIBRARY", None)
    elif not library.is_compiled():
        pytest.skip("installed without a C++ compiler")


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize(
    "filters", [mel_filters(32, 1024), torch.rand(3, 513), torch.zeros(2, 513)], ids=["mel", "full", "empty"]
)
def test_the_powers_are_the_weighted_sums_of_the_squares(filters: Tensor) -> None:
    generator = torch.Generator().manual_seed(0)
    spectra = torch.randn(5, 7, 513, dtype=torch.complex64, generator=generator)
    expected = torch.einsum("nfb,kb->nkf", spectra.to(torch.complex128).abs().square(), filters.double())
    powers = band_powers(spectra.clone(), filters)
    assert powers.shape == (5, len(filters), 7)
    torch.testing.assert_close(powers.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("_way")
def test_stretched_magnitudes_are_read_between_the_frames_and_end_in_zeros() -> None:
    spectra = torch.tensor([[3 + 4j, 0 + 1j, 2 + 0j]]).reshape(1, 3, 1).repeat(3, 1, 1).to(torch.complex64)
    powers = band_powers(spectra, torch.tensor([[2.0]]), torch.tensor([1.0, 1.5, 0.5]))
    # magnitudes 5, 1, 2, 0: at 0, 1.5 and 3; at 0, 0.5 and 1; each squared, times 2
    expected = torch.tensor([[[50.0, 2.0, 8.0]], [[50.0, 4.5, 0.0]], [[50.0, 18.0, 2.0]]])
    torch.testing.assert_close(powers, expected)


def test_torchs_products_of_powers_are_in_full_precision_whatever_the_networks_are_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library, "LIBRARY", None)
    seen: list[str] = []

    class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            if func.name().startswith(("aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm")):
                seen.append(torch.get_float32_matmul_precision())
            return func(*args, **(kwargs or {}))

    spectra = torch.randn(2, 7, 513, dtype=torch.complex64)
    torch.set_float32_matmul_precision("high")
    try:
        with Products():  # type: ignore[no-untyped-call]
            band_powers(spectra.clone(), mel_filters(32, 1024))
            band_powers(spectra, mel_filters(32, 1024), torch.ones(2))
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert seen == ["highest", "highest"]


def test_the_number_of_threads_changes_no_bit() -> None:
    threads = torch.get_num_threads()
    spectra = torch.randn(5, 32, 513, dtype=torch.complex64)
    results = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            results.append(band_powers(spectra.clone(), mel_filters(32, 1024)))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
