import copy

import pytest
import torch
from tests.gradients import backward, gradient_of
from torch import nn
from torch.nn import functional

from sigtune.kernels import library
from sigtune.kernels.sparse_linear import Pattern, can_multiply_sparsely, sparse_linear
from sigtune.models.sparse_weights import SparseLinear

pytestmark = pytest.mark.skipif(not library.is_compiled(), reason="installed without a C++ compiler")


def test_a_pattern_tells_where_the_kept_weights_are() -> None:
    pattern = Pattern.of(torch.tensor([[1, 3], [3, 4], [0, 1]], dtype=torch.int32), 6)
    assert pattern.col_indices.tolist() == [[1, 3], [3, 4], [0, 1]]
    assert pattern.ccol_indices.tolist() == [0, 1, 3, 3, 5, 6, 6]
    assert pattern.row_indices.tolist() == [2, 0, 2, 0, 1, 1]
    assert pattern.csr_indices.tolist() == [4, 0, 5, 1, 2, 3]


@pytest.mark.parametrize("samples", [1, 7, 64, 65, 200])
@pytest.mark.parametrize(("inputs", "outputs", "count"), [(1600, 100, 160), (5, 3, 1), (17, 40, 17)])
def test_the_product_and_its_gradients_are_those_of_the_kept_weights(
    samples: int, inputs: int, outputs: int, count: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    indices = torch.rand(outputs, inputs, generator=generator).topk(count, dim=1).indices.sort(dim=1).values
    pattern = Pattern.of(indices.int(), inputs)
    leaves = [
        torch.randn(shape, generator=generator).requires_grad_()
        for shape in ((samples, inputs), (outputs, count), (outputs,))
    ]
    precise = [leaf.detach().double().requires_grad_() for leaf in leaves]
    y = sparse_linear(leaves[0], leaves[1], leaves[2], pattern)
    weight = torch.zeros(outputs, inputs, dtype=torch.float64).scatter(1, indices, precise[1])
    expected = functional.linear(precise[0], weight, precise[2])
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=1e-4)
    of_y = torch.randn(y.shape, generator=generator)
    backward(y, of_y)
    backward(expected, of_y.double())
    for leaf, other in zip(leaves, precise, strict=True):
        torch.testing.assert_close(gradient_of(leaf).double(), gradient_of(other), rtol=1e-4, atol=1e-3)


def test_the_layer_multiplies_sparsely_where_few_weights_are_kept() -> None:
    x = torch.randn(64, 400)
    sparse, half = SparseLinear(400, 300, 0.9), SparseLinear(400, 300, 0.5)
    for layer in (sparse, half):
        assert can_multiply_sparsely(x, layer.values) == (layer is sparse)
        dense = nn.Linear(400, 300)
        dense.load_state_dict({"weight": layer.weight, "bias": layer.bias})
        torch.testing.assert_close(layer(x), dense(x))


def test_a_restored_layer_multiplies_by_the_weights_that_it_has_now() -> None:
    saved, restored = (SparseLinear(400, 300, 0.9) for _ in range(2))
    x = torch.randn(64, 400)
    assert can_multiply_sparsely(x, saved.values)
    restored.load_state_dict(copy.deepcopy(saved.state_dict()))
    assert torch.equal(restored(x), saved(x))
    assert torch.equal(copy.deepcopy(restored)(x), saved(x))


def test_the_number_of_threads_changes_no_bit() -> None:
    threads = torch.get_num_threads()
    layer, x = SparseLinear(1600, 300, 0.9), torch.randn(100, 1600)
    results = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            twin, leaf = copy.deepcopy(layer), x.clone().requires_grad_()
            y = twin(leaf)
            y.square().sum().backward()
            results.append([y, leaf.grad, twin.values.grad, twin.bias.grad])
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_other_inputs_and_autocast_are_left_to_torch() -> None:
    layer, x = SparseLinear(400, 300, 0.9), torch.randn(64, 400)
    assert can_multiply_sparsely(x, layer.values)
    assert layer(x.view(32, 2, 400)).shape == (32, 2, 300)
    assert layer(torch.zeros(0, 400)).shape == (0, 300)
    assert copy.deepcopy(layer).double()(x.double()).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
