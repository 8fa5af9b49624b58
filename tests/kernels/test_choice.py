"""Where a compiled function pays, at the borders: those that were measured, and that a layer keeps to
them."""

import pytest
import torch
from torch import Tensor, nn

from sigtune.kernels import choice, library
from sigtune.kernels.choice import (
    image_winners_pay,
    sparse_convolution_pays,
    sparse_linear_pays,
    winners_convolution_pays,
)
from sigtune.models.k_winners import KWinners2d
from sigtune.models.norm_pool_winners import NormPoolWinners
from sigtune.models.sparse_weights import SparseConv2d, SparseLinear
from sigtune.models.winners_block import WinnersBlock, WinnersBlocks


# benchmarks/kernel_choice.py measured these; torch was clearly the faster one of the second of each pair.
@pytest.mark.parametrize(
    ("samples", "inputs", "outputs", "pays", "does_not"),
    [
        (128, 1600, 1000, 0.3, 0.5),
        (64, 1600, 1000, 0.4, 0.6),
        (8, 1600, 1000, 0.1, 0.25),
        (512, 1600, 1000, 0.25, 0.4),
        (8, 6400, 256, 0.1, 0.2),
        (128, 400, 128, 0.2, 0.6),
        (64, 1600, 1500, 0.4, 0.6),
    ],
)
def test_a_linear_layer_takes_the_compiled_product_up_to_a_share_of_kept_weights(
    samples: int, inputs: int, outputs: int, pays: float, does_not: float
) -> None:
    assert sparse_linear_pays(samples, inputs, outputs, round(pays * inputs))
    assert not sparse_linear_pays(samples, inputs, outputs, round(does_not * inputs))


@pytest.mark.parametrize("samples", [8, 64, 128])
def test_a_small_linear_layer_is_left_to_torch(samples: int) -> None:
    assert not sparse_linear_pays(samples, 100, 100, 1)


def test_a_convolution_takes_winners_up_to_a_share_of_its_inputs() -> None:
    assert winners_convolution_pays(5, 64, 0.4, kept=1.0)
    assert not winners_convolution_pays(5, 64, 0.41, kept=1.0)
    assert winners_convolution_pays(3, 32, 0.2, kept=1.0)
    assert not winners_convolution_pays(3, 32, 0.3, kept=1.0)
    assert not winners_convolution_pays(1, 64, 0.05, kept=1.0)


def test_a_convolution_goes_by_its_weights_where_fewer_are_kept_than_inputs_win() -> None:
    shape = (64, 64, 5, 5)
    assert winners_convolution_pays(5, 64, 0.1, kept=0.2)
    assert not winners_convolution_pays(5, 64, 0.38, kept=0.2)
    assert sparse_convolution_pays(128, shape, kept=0.2)
    assert sparse_convolution_pays(16, shape, kept=0.3)
    assert not sparse_convolution_pays(128, shape, kept=0.4)
    assert not sparse_convolution_pays(4, shape, kept=0.1)
    assert not sparse_convolution_pays(128, (64, 64, 1, 1), kept=0.1)
    assert not sparse_convolution_pays(128, (64, 8, 5, 5), kept=0.1)


def test_images_are_convolved_with_what_follows_up_to_a_number_of_taps() -> None:
    assert image_winners_pay(5, 75, training=True)
    assert not image_winners_pay(5, 100, training=True)
    assert image_winners_pay(3, 45, training=True)
    assert not image_winners_pay(3, 63, training=True)
    assert image_winners_pay(5, 50, training=False)
    assert not image_winners_pay(5, 75, training=False)
    assert image_winners_pay(2, 12, training=True)
    assert not image_winners_pay(2, 48, training=True)


def operators(run: nn.Module, x: Tensor) -> set[str]:
    """Return the names of sigtune's own operators among those that computed `run` of x."""
    with torch.profiler.profile() as profile:
        run(x)
    return {event.name.partition("::")[2] for event in profile.events() if event.name.startswith("sigtune::")}


@pytest.mark.skipif(not library.is_compiled(), reason="installed without a C++ compiler")
def test_layers_run_what_was_chosen_for_their_shape() -> None:
    x = torch.randn(64, 1600)
    assert operators(SparseLinear(1600, 300, 0.9), x) == {"sparse_linear"}
    assert operators(SparseLinear(1600, 300, 0.3), x) == set()
    images = torch.randn(16, 1, 16, 16)
    convolutions = {"convolve_winners", "sparse_convolution"}
    for percent_on, sparsity, expected in (
        (0.05, 0.5, {"convolve_winners"}),
        (0.15, 0.5, set[str]()),
        (0.05, 0.8, {"convolve_winners"}),
        (0.095, 0.8, {"sparse_convolution"}),
    ):
        blocks = WinnersBlocks(
            *(
                WinnersBlock(
                    SparseConv2d(inputs, 64, 5, sparsity),
                    NormPoolWinners(64, 2, KWinners2d(64, percent_on), before_pool=True),
                )
                for inputs in (1, 64)
            )
        )
        found = operators(blocks, images)
        assert "image_winners" in found
        assert found & convolutions == expected


def test_triton_is_used_where_it_is_installed_and_on_the_cards_that_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpu = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a card")
    monkeypatch.setattr(choice, "find_spec", lambda name: name)
    assert not choice.triton_pays("kth_highest", gpu)
    monkeypatch.setitem(choice.CARDS_WITH_TRITON, "kth_highest", frozenset({"a card"}))
    assert choice.triton_pays("kth_highest", gpu)
    assert not choice.triton_pays("norm_pool_winners", gpu)
    assert not choice.triton_pays("kth_highest", torch.device("cpu"))
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert not choice.triton_pays("kth_highest", gpu)
