import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.errors import InstantiationException
from tests.gradients import backward
from tests.models.networks import published
from torch import Tensor, nn
from torch.nn import functional

from sigtune.models.k_winners import KWinners, KWinners2d
from sigtune.models.sparse_weights import SparseConv2d, SparseLinear, weight_sparsity
from sigtune.models.winners_block import WinnersBlock

SMALL = {"num_classes": 4, "conv_channels": [6, 8], "kernel_size": 3, "linear_units": 40, "input_size": 16}


def images(count: int, size: int = 32, channels: int = 1, seed: int = 0) -> Tensor:
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(seed))


def outputs_by_layer(model: Any, inputs: Tensor) -> list[tuple[nn.Module, Tensor]]:
    """Run the model; return what each layer put out, in order; of a block of winners, these."""
    outputs = []

    def keep(layer: nn.Module, _: Any, output: Any) -> None:
        outputs.append((layer, output[0] if isinstance(layer, WinnersBlock) else output))

    handles = [layer.register_forward_hook(keep) for layer in (*model.features, *model.classifier)]
    model(inputs)
    for handle in handles:
        handle.remove()
    return outputs


@pytest.mark.parametrize("network", ["sparse_cnn", "dense_cnn"])
def test_the_shapes_are_those_of_the_paper(network: str) -> None:
    shapes = [tuple(output.shape) for _, output in outputs_by_layer(published(network), images(3))]
    pooled, convolved = [(3, 64, 14, 14), (3, 64, 5, 5)], [(3, 64, 28, 28), (3, 64, 10, 10)]
    expected = pooled if network == "sparse_cnn" else [convolved[0], pooled[0], convolved[1], pooled[1]]
    assert list(dict.fromkeys(shapes[:-5])) == expected
    assert shapes[-5:] == [
        (3, 1600),
        *[(3, 1000)] * 3,
        (3, 12),
    ]


def test_the_layers_are_in_the_order_of_the_paper() -> None:
    model = published("sparse_cnn")
    assert [type(layer) for layer in (*model.features, *model.classifier)] == [
        *[WinnersBlock] * 2,
        nn.Flatten,
        *[SparseLinear, nn.BatchNorm1d, KWinners],
        nn.Linear,
    ]
    for block in model.features:
        assert [type(layer) for layer in (block.convolution, *block.winners.children())] == [
            SparseConv2d,
            nn.BatchNorm2d,
            nn.MaxPool2d,
            KWinners2d,
        ]
    assert all(
        not layer.affine for layer in model.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
    )


def test_the_dense_twin_has_the_same_parameters_and_relu_for_the_k_winners() -> None:
    sparse, dense = published("sparse_cnn"), published("dense_cnn")
    weights = [
        [layer.weight.shape for layer in model.modules() if isinstance(layer, kinds)]
        for model, kinds in ((sparse, (SparseConv2d, SparseLinear)), (dense, (nn.Conv2d, nn.Linear)))
    ]
    assert [*weights[0], sparse.classifier[-1].weight.shape] == weights[1]
    kinds = [type(layer) for layer in (*dense.features, *dense.classifier)]
    assert kinds[:4] == [nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.ReLU]
    assert nn.ReLU in kinds[-3:]
    assert weight_sparsity(dense) == 0
    assert not any(isinstance(layer, SparseConv2d | SparseLinear) for layer in dense.modules())


@pytest.mark.parametrize(
    ("network", "kept", "winners"),
    [
        ("gsc_sparse_cnn", [25, 1600, 640], [1200, 200, 100]),
        ("sparse_cnn", [12, 320, 160], [1192, 200, 100]),
    ],
)
def test_the_counts_of_weights_and_winners_are_those_of_the_file(
    network: str, kept: list[int], winners: list[int]
) -> None:
    model = published(network)
    layers = [layer for layer in model.modules() if isinstance(layer, SparseConv2d | SparseLinear)]
    for layer, count in zip(layers, kept, strict=True):
        assert (layer.weight.flatten(1).count_nonzero(dim=1) == count).all()
    outputs = [
        out for layer, out in outputs_by_layer(model, images(4)) if isinstance(layer, KWinners | WinnersBlock)
    ]
    for output, count in zip(outputs, winners, strict=True):
        assert (output.flatten(1).count_nonzero(dim=1) == count).all()


@pytest.mark.parametrize(
    ("network", "linear_winners"), [("le_sparse_net", 100), ("le_super_sparse_net", 150)]
)
def test_k_winners_can_choose_before_the_pooling(network: str, linear_winners: int) -> None:
    model, inputs = published(network), images(4)
    block = copy.deepcopy(model.features[0])
    winners = block.winners.winners(block.winners.norm(block.convolution(inputs)))
    assert (winners.flatten(1).count_nonzero(dim=1) == 4767).all()
    outputs = outputs_by_layer(model, inputs)
    pooled = functional.max_pool2d(winners, 2)
    disagree = ~torch.isclose(outputs[0][1], pooled, rtol=1e-4, atol=1e-4)
    assert disagree.flatten(1).sum(dim=1).max() <= 2  # rounding decides between the k-th highest and the next
    assert (outputs[5][1].count_nonzero(dim=1) == linear_winners).all()


@pytest.mark.parametrize("network", ["sparse_cnn", "dense_cnn"])
def test_the_convolutional_part_runs_in_channels_last(network: str) -> None:
    for layer, output in outputs_by_layer(published(network), images(4))[:-5]:
        assert output.is_contiguous(memory_format=torch.channels_last), layer


def test_the_arguments_of_the_k_winners_reach_every_layer() -> None:
    model = published(
        "sparse_cnn",
        boost_strength=1.25,
        boost_strength_factor=0.8,
        k_inference_factor=1.5,
        duty_cycle_period=77,
    )
    layers = [layer for layer in model.modules() if isinstance(layer, KWinners | KWinners2d)]
    assert len(layers) == 3
    for layer in layers:
        assert layer.boost_strength == 1.25
        assert layer.boost_strength_factor == 0.8
        assert layer.k_inference_factor == 1.5
        assert layer.duty_cycle_period == 77


@pytest.mark.parametrize("network", ["sparse_cnn", "dense_cnn"])
def test_other_sizes_channels_and_depths_work(network: str) -> None:
    shares = (
        {"conv_weight_sparsity": [0.5] * 3, "conv_percent_on": [0.2] * 3} if network == "sparse_cnn" else {}
    )
    model = published(
        network,
        num_classes=5,
        in_channels=3,
        input_size=40,
        conv_channels=[4, 5, 6],
        kernel_size=3,
        linear_units=7,
        **shares,
    )
    assert model(images(2, 40, 3)).shape == (2, 5)
    assert model.classifier[1].in_features == 6 * 3 * 3  # 40 → 19 → 8 → 3


def train(model: nn.Module, steps: int, optimizer: torch.optim.Optimizer) -> list[float]:
    """Train on bright squares in one of four corners; return the losses."""
    targets = torch.arange(32) % 4
    inputs = images(32, 16)
    for image, corner in zip(inputs, targets.tolist(), strict=True):
        image[:, 8 * (corner // 2) :, :][:, :8, 8 * (corner % 2) :][..., :8] += 2.0
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(inputs), targets)
        backward(loss)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("network", ["sparse_cnn", "dense_cnn"])
def test_the_networks_learn(network: str) -> None:
    model = published(network, **SMALL)
    losses = train(model, 25, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5, weight_decay=1e-3))
    assert losses[-1] < losses[0] / 3


def test_the_zeros_of_the_network_stay_zero_through_training() -> None:
    model = published("sparse_cnn", **SMALL)
    before = weight_sparsity(model)
    train(model, 4, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01))
    # Of 9, 54 and 32 weights a unit, 4, 11 and 3 are kept.
    assert before == pytest.approx(1 - (6 * 4 + 8 * 11 + 40 * 3) / (6 * 9 + 8 * 54 + 40 * 32))
    assert weight_sparsity(model) == before


@pytest.mark.parametrize("network", ["sparse_cnn", "dense_cnn"])
def test_a_checkpoint_restores_the_network(network: str, tmp_path: Path) -> None:
    model = published(network, **SMALL)
    train(model, 3, torch.optim.SGD(model.parameters(), lr=0.1))
    torch.save(model.state_dict(), tmp_path / "model.pt")
    restored = published(network, **SMALL)
    restored.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    inputs = images(5, 16)
    assert torch.equal(restored.eval()(inputs), model.eval()(inputs))
    again = [train(net, 2, torch.optim.SGD(net.parameters(), lr=0.1)) for net in (model, restored)]
    assert again[0] == again[1]


@pytest.mark.parametrize("channels", [[6, 8], [32, 64]])
def test_a_network_that_diverged_has_a_loss_that_says_so(channels: list[int]) -> None:
    model = published("sparse_cnn", **{**SMALL, "conv_channels": channels})
    with torch.no_grad():
        model.features[0].convolution.values[0, 0] = math.nan
    assert math.isnan(functional.cross_entropy(model(images(3, 16)), torch.tensor([0, 1, 2])).item())


@pytest.mark.slow
@pytest.mark.parametrize("channels", [[6, 8], [32, 64]])
def test_the_whole_network_is_one_graph(channels: list[int]) -> None:
    model = published("sparse_cnn", **{**SMALL, "conv_channels": channels})
    compiled: Any = torch.compile(model, fullgraph=True, backend="aot_eager")
    inputs = images(6, 16)
    compiled(inputs).sum().backward()
    model.eval()
    assert torch.equal(compiled(inputs), model(inputs))
    torch.compiler.reset()


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:.*torch.jit.script.* is deprecated:DeprecationWarning"
)  # torch's compiler
@pytest.mark.parametrize("channels", [[6, 8], [32, 64]])
def test_a_compiled_network_trains_as_a_plain_one_does(channels: list[int]) -> None:
    plain, twin = (published("sparse_cnn", **{**SMALL, "conv_channels": channels}) for _ in range(2))
    twin.load_state_dict(plain.state_dict())
    compiled: Any = torch.compile(twin, fullgraph=True)
    losses = [train(net, 3, torch.optim.SGD(net.parameters(), lr=0.1)) for net in (plain, compiled)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    torch.compiler.reset()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"conv_percent_on": (0.1, 1.5)}, r"conv_percent_on[1] is 1.5; it must be in (0, 1]"),
        ({"linear_percent_on": 0.0}, r"linear_percent_on is 0.0; it must be in (0, 1]"),
        ({"conv_weight_sparsity": (1.0, 0.5)}, r"conv_weight_sparsity[0] is 1.0; it must be in [0, 1)"),
        ({"linear_weight_sparsity": -0.5}, r"linear_weight_sparsity is -0.5; it must be in [0, 1)"),
        (
            {"conv_percent_on": [0.1]},
            "conv_percent_on is [0.1]; it must be 2 numbers, one for each of conv_channels",
        ),
        (
            {"conv_weight_sparsity": [0.1] * 3},
            "conv_weight_sparsity is [0.1, 0.1, 0.1]; it must be 2 numbers",
        ),
        ({"conv_channels": []}, "conv_channels is []; it must be one number or more"),
        ({"conv_channels": [64, 0]}, "conv_channels[1] is 0; it must be 1 or more"),
        ({"boost_strength": -1.0}, "boost_strength is -1.0; it must be 0 or more"),
        ({"num_classes": 0}, "num_classes is 0; it must be 1 or more"),
        ({"linear_units": 0}, "linear_units is 0; it must be 1 or more"),
        ({"kernel_size": 0}, "kernel_size is 0; it must be 1 or more"),
        ({"input_size": 12}, "input_size is 12; it must be large enough for 2 times a 5×5 convolution"),
    ],
)
def test_an_argument_out_of_range_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InstantiationException) as caught:
        published("sparse_cnn", **arguments)
    assert isinstance(caught.value.__cause__, ValueError)
    assert str(caught.value.__cause__).startswith(message)
