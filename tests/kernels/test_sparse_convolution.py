import copy

import pytest
import torch
from tests.gradients import backward, gradient_of
from torch.nn import functional

from sigtune.kernels import library
from sigtune.kernels.sparse_convolution import KernelPattern, can_convolve_sparsely, sparse_convolution
from sigtune.models.sparse_weights import SparseConv2d

pytestmark = pytest.mark.skipif(not library.is_compiled(), reason="installed without a C++ compiler")


# Images fill groups of 16 or do not, rows and channels the blocks that they are taken in.
@pytest.mark.parametrize(
    ("shape", "outputs", "kernel"),
    [
        ((3, 5, 9, 8), 7, 3),
        ((17, 8, 14, 14), 6, 5),
        ((16, 4, 3, 3), 4, 1),
        ((33, 3, 6, 7), 9, 2),
        ((2, 1, 5, 5), 1, 5),
        ((1, 6, 30, 7), 5, 7),
    ],
)
@pytest.mark.parametrize("sparsity", [0.0, 0.7, 0.99])
def test_the_convolution_and_its_gradients_are_those_of_the_kept_weights(
    shape: tuple[int, ...], outputs: int, kernel: int, sparsity: float
) -> None:
    layer = SparseConv2d(shape[1], outputs, kernel, sparsity)
    pattern = KernelPattern.of(layer.indices, shape[1])
    x = torch.randn(shape).requires_grad_()
    precise, precise_x = copy.deepcopy(layer).double(), x.detach().double().requires_grad_()
    y = sparse_convolution(x, layer.values, layer.bias, kernel, pattern)
    expected = functional.conv2d(precise_x, precise.weight, precise.bias)
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=1e-5)
    assert y.is_contiguous(memory_format=torch.channels_last)
    of_y = torch.randn(y.shape)
    backward(y, of_y)
    backward(expected, of_y.double())
    for own, other in ((x, precise_x), *zip(layer.parameters(), precise.parameters(), strict=True)):
        torch.testing.assert_close(gradient_of(own).double(), gradient_of(other), rtol=1e-4, atol=1e-4)


def test_the_number_of_threads_changes_no_bit() -> None:
    threads = torch.get_num_threads()
    layer, x = SparseConv2d(32, 32, 3, 0.9), torch.randn(40, 32, 8, 8)
    assert can_convolve_sparsely(x, layer.values, layer.shape)
    results = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            twin, leaf = copy.deepcopy(layer), x.clone().requires_grad_()
            y = twin(leaf)
            backward(y.square().sum())
            results.append([y, gradient_of(leaf), *map(gradient_of, twin.parameters())])
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_a_restored_layer_convolves_with_the_weights_that_it_has_now() -> None:
    saved, restored = (SparseConv2d(32, 32, 3, 0.9) for _ in range(2))
    x = torch.randn(16, 32, 8, 8)
    assert can_convolve_sparsely(x, saved.values, saved.shape)
    restored.load_state_dict(copy.deepcopy(saved.state_dict()))
    assert torch.equal(restored(x), saved(x))


def test_other_inputs_and_autocast_are_left_to_torch() -> None:
    layer, x = SparseConv2d(32, 32, 3, 0.9), torch.randn(16, 32, 8, 8)
    torch.testing.assert_close(layer(x[0]), layer(x)[0], rtol=1e-4, atol=1e-5)
    assert layer(torch.zeros(0, 32, 8, 8)).shape == (0, 32, 6, 6)
    assert copy.deepcopy(layer).double()(x.double()).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    with pytest.raises(RuntimeError, match="size"):
        layer(torch.zeros(16, 32, 2, 2))
