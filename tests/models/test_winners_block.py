import copy
import itertools
from typing import Any

import pytest
import torch
from tests.gradients import backward, gradient_of
from torch import Tensor, nn

from sigtune.kernels import library
from sigtune.kernels.image_winners import TapMoments, can_choose_from_images
from sigtune.kernels.winners_convolution import can_convolve_winners, convolve_winners
from sigtune.models.k_winners import KWinners2d, KWinnersConfig
from sigtune.models.norm_pool_winners import NormPoolWinners
from sigtune.models.sparse_weights import SparseConv2d
from sigtune.models.winners_block import WinnersBlock, WinnersBlocks

pytestmark = pytest.mark.skipif(not library.is_compiled(), reason="installed without a C++ compiler")

# (images, channels, height, width), kernel
IMAGES = [
    ((9, 1, 32, 32), 5),
    ((3, 3, 12, 17), 3),
    ((17, 2, 9, 8), 2),
    ((2, 1, 11, 30), 8),
    ((1, 5, 4, 4), 1),
]
WINNERS = [((5, 64, 14, 14), 5), ((3, 32, 7, 9), 3), ((2, 8, 6, 5), 5), ((4, 40, 3, 3), 1)]


ORDERS = pytest.mark.parametrize("before_pool", [False, True])


def blocks(
    channels: list[int],
    kernel: int,
    percent_on: float = 0.1,
    boost_strength: float = 1.5,
    before_pool: bool = False,
) -> Any:
    config = KWinnersConfig(boost_strength=boost_strength)
    return WinnersBlocks(
        *(
            WinnersBlock(
                SparseConv2d(inputs, outputs, kernel, 0.0),
                NormPoolWinners(outputs, 2, KWinners2d(outputs, percent_on, config), before_pool),
            )
            for inputs, outputs in itertools.pairwise(channels)
        )
    )


def one_after_the_other(network: Any, x: Tensor) -> Tensor:
    for block in network:
        layers = block.winners
        x = layers.norm(block.convolution(x))
        for after in (layers.winners, layers.pool) if layers.before_pool else (layers.pool, layers.winners):
            x = after(x)
    return x


def assert_close(own: Tensor, precise: Tensor, *, rtol: float, atol: float) -> None:
    """Compare the gradients of a leaf in float32 and of its twin in float64."""
    torch.testing.assert_close(gradient_of(own).double(), gradient_of(precise), rtol=rtol, atol=atol)


def winners_like(*shape: int, share: float = 0.1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return the winners of a made-up layer, one of which is 0, and their argmax indices."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator)
    wins = torch.rand(shape, generator=generator) < share
    x[0, 0, 0, 0], wins[0, 0, 0, 0] = 0.0, True
    argmax = torch.where(wins, torch.randint(4, shape, generator=generator), 255).to(torch.uint8)
    return x * wins, argmax


@pytest.mark.parametrize(("shape", "kernel"), WINNERS)
@pytest.mark.parametrize("outputs", [32, 64, 96, 160])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_the_convolution_of_winners_is_the_convolution_of_all(
    shape: tuple[int, ...], kernel: int, outputs: int, share: float
) -> None:
    x, argmax = winners_like(*shape, share=share)
    x.requires_grad_()
    convolution = SparseConv2d(shape[1], outputs, kernel, 0.0)
    precise, precise_x = copy.deepcopy(convolution).double(), x.detach().double().requires_grad_()
    y, expected = convolve_winners(x, argmax, convolution.weight, convolution.bias), precise(precise_x)
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=1e-5)
    of_y = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    backward(y, of_y)
    expected.backward(of_y.double())
    torch.testing.assert_close(
        gradient_of(x).double(), gradient_of(precise_x) * (argmax != 255), rtol=1e-4, atol=1e-4
    )
    for own, other in zip(convolution.parameters(), precise.parameters(), strict=True):
        assert_close(own, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("shape", "kernel"), IMAGES)
def test_moments_are_those_of_the_convolution(shape: tuple[int, ...], kernel: int) -> None:
    generator = torch.Generator().manual_seed(0)
    images, convolution = torch.randn(shape, generator=generator) * 3 + 2, nn.Conv2d(shape[1], 64, kernel)
    moments = TapMoments(images, kernel)
    assert convolution.bias is not None
    mean, variance = moments.of_outputs(convolution.weight, convolution.bias)
    outputs = copy.deepcopy(convolution).double()(images.double()).transpose(0, 1)
    assert moments.count == outputs[0].numel()
    torch.testing.assert_close(mean.double(), outputs.flatten(1).mean(dim=1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        variance.double(), outputs.flatten(1).var(dim=1, correction=0), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(("shape", "kernel"), IMAGES)
@pytest.mark.parametrize("percent_on", [0.02, 0.3, 1.0])
@ORDERS
def test_a_block_of_images_trains_as_its_layers_do_one_after_the_other(
    shape: tuple[int, ...], kernel: int, percent_on: float, before_pool: bool
) -> None:
    if shape[2] < kernel + 1:
        kernel = shape[2] - 1
    network = blocks([shape[1], 32], kernel, percent_on, boost_strength=0.3, before_pool=before_pool)
    network[0].winners.winners.duty_cycle.copy_(torch.linspace(0, 0.2, 32))
    precise = copy.deepcopy(network).double()
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    convolution = network[0].convolution
    if before_pool and any((size - kernel + 1) % 2 for size in shape[2:]):
        y = network(images)  # pixels in no window compete: that is not for the function of images
    else:
        y, _ = network[0].winners.choose_from_images(images, convolution.weight, convolution.bias)
    expected = one_after_the_other(precise, images.double())
    assert torch.equal(y != 0, expected != 0)
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=1e-4)
    of_y = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    (y * of_y).sum().backward()
    backward((expected * of_y).sum())
    scale = gradient_of(precise[0].convolution.values).abs().max()
    for own, other in zip(network.parameters(), precise.parameters(), strict=True):
        torch.testing.assert_close(
            gradient_of(own).double(), gradient_of(other), rtol=1e-4, atol=1e-4 * float(scale)
        )
    assert_same_state(network, precise)


def assert_same_state(network: nn.Module, precise: nn.Module) -> None:
    for name, value in network.state_dict().items():
        torch.testing.assert_close(
            value.double(), precise.state_dict()[name].double(), rtol=1e-4, atol=1e-5, msg=name
        )


@ORDERS
def test_two_blocks_train_as_their_layers_do_one_after_the_other(before_pool: bool) -> None:
    network = blocks([1, 64, 64], 5, boost_strength=0.0, before_pool=before_pool)
    precise = copy.deepcopy(network).double()
    images = torch.randn(6, 1, 32, 32, generator=torch.Generator().manual_seed(3))
    y, expected = network(images), one_after_the_other(precise, images.double())
    assert torch.equal(y != 0, expected != 0)
    of_y = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    (y * of_y).sum().backward()
    backward((expected * of_y).sum())
    for own, other in zip(network.parameters(), precise.parameters(), strict=True):
        scale = max(1.0, float(gradient_of(other).abs().max()))
        torch.testing.assert_close(
            gradient_of(own).double(), gradient_of(other), rtol=1e-3, atol=1e-4 * scale
        )
    assert_same_state(network, precise)


@ORDERS
def test_validation_gives_what_the_layers_give_and_leaves_the_state_alone(before_pool: bool) -> None:
    network = blocks([1, 32, 32], 3, before_pool=before_pool)
    network(torch.randn(8, 1, 16, 16))
    state = copy.deepcopy(network.state_dict())
    network.eval()
    images = torch.randn(5, 1, 16, 16)
    with torch.inference_mode():
        y, expected = network(images), one_after_the_other(network, images)
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_a_gradient_in_validation_mode_takes_the_statistics_for_constants() -> None:
    network = blocks([1, 32], 3).eval()
    reference = copy.deepcopy(network)
    images = torch.randn(2, 1, 8, 8)
    network(images).square().sum().backward()
    backward(one_after_the_other(reference, images).square().sum())
    for own, other in zip(network.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad)


def test_the_number_of_threads_changes_no_bit() -> None:
    threads = torch.get_num_threads()
    network, images = blocks([1, 64, 64], 5), torch.randn(21, 1, 32, 32)
    results = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            twin = copy.deepcopy(network)
            y = twin(images)
            y.square().sum().backward()
            gradients = [parameter.grad for parameter in twin.parameters()]
            results.append([y, *gradients, *twin.state_dict().values()])
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_images_that_need_a_gradient_get_the_one_of_the_layers() -> None:
    network = blocks([1, 32], 3)
    reference = copy.deepcopy(network)
    images = torch.randn(4, 1, 8, 8)
    leaves = [images.clone().requires_grad_() for _ in range(2)]
    network(leaves[0]).square().sum().backward()
    backward(one_after_the_other(reference, leaves[1]).square().sum())
    torch.testing.assert_close(leaves[0].grad, leaves[1].grad, rtol=1e-3, atol=1e-4)
    assert gradient_of(leaves[0]).abs().max() > 0


@pytest.mark.parametrize(("shape", "dtype"), [((33, 8, 3, 3), torch.float32), ((32, 8, 3, 3), torch.float64)])
def test_other_convolutions_are_left_to_torch(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x, size, bias = (
        torch.zeros(2, 8, 9, 9, dtype=dtype),
        torch.Size(shape),
        torch.zeros(shape[0], dtype=dtype),
    )
    assert not can_convolve_winners(x, size, bias, share=0.1, kept=1.0)
    assert not can_choose_from_images(x[:, :5], size, bias, 2, before_pool=False, training=True)
    size, bias = torch.Size((32, 8, 3, 3)), torch.zeros(32)
    assert can_convolve_winners(x.float(), size, bias, share=0.1, kept=1.0)
    size = torch.Size((32, 5, 3, 3))
    assert can_choose_from_images(x[:, :5].float(), size, bias, 2, before_pool=False, training=True)


def test_before_the_pooling_pixels_outside_the_windows_compete_too() -> None:
    given = (torch.zeros(2, 1, 9, 8), torch.Size((32, 1, 3, 3)), torch.zeros(32))  # 7 × 6 pixels
    assert can_choose_from_images(*given, 2, before_pool=False, training=True)
    assert not can_choose_from_images(*given, 2, before_pool=True, training=True)


def test_without_the_compiled_functions_and_under_autocast_torch_does_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, images = blocks([1, 32, 32], 3), torch.randn(4, 1, 16, 16)
    y = copy.deepcopy(network)(images)
    with torch.autocast("cpu", torch.bfloat16):
        half = copy.deepcopy(network)(images)
    assert half.dtype == torch.bfloat16
    monkeypatch.setattr(library, "LIBRARY", None)
    agree = torch.isclose(copy.deepcopy(network)(images), y, rtol=1e-3, atol=1e-3)
    assert (~agree).sum() <= 2


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@ORDERS
def test_an_image_or_a_weight_that_is_not_finite_shows(value: float, before_pool: bool) -> None:
    images = torch.randn(3, 1, 16, 16)
    images[1, 0, 8, 8] = value
    assert not blocks([1, 32, 32], 3, before_pool=before_pool)(images).isfinite().all()
    network = blocks([1, 32, 32], 3, before_pool=before_pool)
    with torch.no_grad():
        network[1].convolution.values[0, 0] = value
    assert not network(torch.randn(3, 1, 16, 16)).isfinite().all()
