import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.gradients import gradient_of

from sigtune.models.k_winners import KWinners, KWinners2d, KWinnersConfig, decay_boost_strength

Sample = list[tuple[int, float]]
"""Of each unit of a sample, the index of its duty cycle and its activation."""


def layer_1d(n: int, percent_on: float, **config: Any) -> KWinners:
    return KWinners(n, percent_on, KWinnersConfig(**{"boost_strength": 0.0, **config}))


def test_the_k_highest_units_pass_on_their_activation_and_the_others_0() -> None:
    x = torch.tensor([[1.0, 5.0, 3.0, 4.0], [0.5, -1.0, 0.1, 0.2]])
    expected = torch.tensor([[0.0, 5.0, 0.0, 4.0], [0.5, 0.0, 0.0, 0.2]])
    assert torch.equal(layer_1d(4, 0.5)(x), expected)


def test_winners_may_be_negative_but_are_then_not_on() -> None:
    layer = layer_1d(4, 0.5)
    assert torch.equal(layer(torch.tensor([[-1.0, -5.0, -3.0, 2.0]])), torch.tensor([[-1.0, 0.0, 0.0, 2.0]]))
    assert layer.duty_cycle.tolist() == [0, 0, 0, 1]


def test_a_winner_of_value_0_is_not_on() -> None:
    layer = layer_1d(4, 0.5)
    layer(torch.tensor([[3.0, 0.0, -1.0, -2.0]]))
    assert layer.duty_cycle.tolist() == [1, 0, 0, 0]


def test_all_that_equal_the_kth_highest_win() -> None:
    x = torch.tensor([[3.0, 2.0, 2.0, 1.0], [2.0, 2.0, 2.0, 2.0], [4.0, 3.0, 2.0, 2.0]])
    expected = torch.tensor([[3.0, 2.0, 2.0, 0.0], [2.0, 2.0, 2.0, 2.0], [4.0, 3.0, 0.0, 0.0]])
    assert torch.equal(layer_1d(4, 0.5)(x), expected)


@pytest.mark.parametrize(
    ("n", "percent_on", "winners"),
    [(10, 0.3, 3), (1000, 0.1, 100), (1500, 0.067, 100), (10, 0.01, 1), (4, 1.0, 4)],
)
def test_k_is_percent_on_of_the_units_rounded_and_at_least_1(n: int, percent_on: float, winners: int) -> None:
    x = torch.randperm(n, generator=torch.Generator().manual_seed(0))[None] + 1.0
    y = layer_1d(n, percent_on)(x)
    assert torch.equal(y, x * (x > n - winners))


def test_boosting_changes_which_unit_wins_but_not_the_value_that_is_passed_on() -> None:
    x = torch.tensor([[2.0, 1.9, 0.0, 0.0]])
    layer = KWinners(4, 0.25, KWinnersConfig(boost_strength=1.0)).eval()
    layer.duty_cycle.copy_(torch.tensor([0.9, 0.1, 0.0, 0.0]))
    # 2.0·exp(0.25 − 0.9) = 1.04 is less than 1.9·exp(0.25 − 0.1) = 2.21.
    assert torch.equal(layer(x), torch.tensor([[0.0, 1.9, 0.0, 0.0]]))
    layer.boost_strength.zero_()
    assert torch.equal(layer(x), torch.tensor([[2.0, 0.0, 0.0, 0.0]]))


@pytest.mark.parametrize(("strength", "winner"), [(1.0, 0), (1.1, 1)])
def test_the_boost_grows_exponentially_with_strength_times_the_missing_duty_cycle(
    strength: float, winner: int
) -> None:
    # Unit 1 has exp(β·0.5) of unit 0's boost; 1.7 times as much is what it lacks, and exp(0.53) = 1.70.
    layer = KWinners(2, 0.5, KWinnersConfig(boost_strength=strength)).eval()
    layer.duty_cycle.copy_(torch.tensor([0.5, 0.0]))
    assert layer(torch.tensor([[1.7, 1.0]])).nonzero()[0, 1] == winner


def test_gradients_flow_through_winners_alone_and_ignore_the_boost() -> None:
    x = torch.tensor([[2.0, 1.9, 0.0, 0.0], [0.0, 1.0, 9.0, 3.0]], requires_grad=True)
    layer = KWinners(4, 0.25, KWinnersConfig(boost_strength=1.0))
    layer.duty_cycle.copy_(torch.tensor([0.9, 0.1, 0.0, 0.0]))
    (layer(x) * torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])).sum().backward()
    assert gradient_of(x).tolist() == [[0, 2, 0, 0], [0, 0, 7, 0]]


def test_the_duty_cycle_is_the_mean_of_all_samples_until_the_period_is_full_then_a_moving_one() -> None:
    layer = layer_1d(2, 0.5, duty_cycle_period=10)
    first, second = [1.0, 0.0], [0.0, 1.0]
    layer(torch.tensor([first, first, first, second]))  # T = 4
    assert layer.duty_cycle.tolist() == [0.75, 0.25]
    layer(torch.tensor([first, second, second, second]))  # T = 8: (4·0.75 + 1)/8
    assert layer.duty_cycle.tolist() == [0.5, 0.5]
    layer(torch.tensor([first, first, first, first]))  # T = 10: (6·0.5 + 4)/10
    assert layer.duty_cycle.tolist() == pytest.approx([0.7, 0.3])
    layer(torch.tensor([second, second]))  # T = 10: (8·0.7 + 0)/10
    assert layer.duty_cycle.tolist() == pytest.approx([0.56, 0.44])
    assert layer.samples_seen == 14


def test_a_batch_larger_than_the_period_is_all_that_counts() -> None:
    layer = layer_1d(2, 0.5, duty_cycle_period=2)
    for unit in (0, 1):
        layer(torch.eye(2)[unit].expand(4, 2))
    assert layer.duty_cycle.tolist() == [0, 1]


def test_inference_leaves_the_duty_cycle_alone() -> None:
    layer = layer_1d(2, 0.5)
    layer(torch.tensor([[1.0, 0.0]]))
    layer.eval()(torch.tensor([[0.0, 1.0]]))
    assert layer.duty_cycle.tolist() == [1, 0]
    assert layer.samples_seen == 1


@pytest.mark.parametrize(("factor", "winners"), [(1.0, 2), (1.5, 3), (2.0, 4), (10.0, 5), (0.1, 1)])
def test_inference_has_k_times_the_factor_winners_at_least_1_at_most_all(factor: float, winners: int) -> None:
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])
    layer = layer_1d(5, 0.4, k_inference_factor=factor)
    assert layer(x).count_nonzero() == 2
    assert torch.equal(layer.eval()(x), x * (x > 5 - winners))


def test_in_2d_the_winners_are_chosen_among_all_channels_and_positions_of_a_sample() -> None:
    x = torch.tensor([[[[8.0, 1.0], [2.0, 7.0]], [[3.0, 6.0], [4.0, 5.0]]]])
    y = KWinners2d(2, 0.375, KWinnersConfig(boost_strength=0.0))(x)  # 3 of 8
    assert y.tolist() == [[[[8, 0], [0, 7]], [[0, 6], [0, 0]]]]


def test_in_2d_samples_do_not_compete() -> None:
    x = torch.stack([torch.arange(1.0, 9.0).view(2, 2, 2), 10 * torch.arange(8.0, 0.0, -1.0).view(2, 2, 2)])
    y = KWinners2d(2, 0.25, KWinnersConfig(boost_strength=0.0))(x)
    assert y.flatten(1).tolist() == [[0, 0, 0, 0, 0, 0, 7, 8], [80, 70, 0, 0, 0, 0, 0, 0]]


def test_in_2d_a_channels_duty_cycle_is_the_share_of_its_positions_that_are_on() -> None:
    layer = KWinners2d(3, 0.25, KWinnersConfig(boost_strength=0.0))  # 3 of 12
    x = torch.zeros(2, 3, 2, 2)
    x[0, 0, 0, 0], x[0, 0, 0, 1], x[0, 1, 1, 1] = 3.0, 2.0, 1.0
    x[1, 0, 1, 1], x[1, 1, 0, 0], x[1, 1, 0, 1] = 3.0, 2.0, 1.0
    layer(x)
    assert layer.duty_cycle.tolist() == pytest.approx([3 / 8, 3 / 8, 0])
    layer(x[:1])  # T = 3: (2·3/8 + 2/4)/3, (2·3/8 + 1/4)/3
    assert layer.duty_cycle.tolist() == pytest.approx([5 / 12, 1 / 3, 0])


def test_in_2d_all_positions_of_a_channel_are_boosted_alike() -> None:
    layer = KWinners2d(2, 0.5, KWinnersConfig(boost_strength=2.0)).eval()
    layer.duty_cycle.copy_(torch.tensor([0.6, 0.1]))
    # The channels' boosts are in the ratio exp(2·0.5) = 2.72, so 1.5 and 2 beat 3 and 4.
    x = torch.tensor([[[[3.0, 4.0]], [[1.5, 2.0]]]])
    assert torch.equal(layer(x), x * torch.tensor([0.0, 1.0])[:, None, None])


def test_gradients_in_2d_flow_through_winners_alone() -> None:
    x = torch.tensor([[[[8.0, 1.0]], [[2.0, 7.0]]]], requires_grad=True)
    (
        KWinners2d(2, 0.5, KWinnersConfig(boost_strength=0.0))(x)
        * torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    ).sum().backward()
    assert gradient_of(x).tolist() == [[[[1, 0]], [[0, 4]]]]


class SlowKWinners:
    """The definition in plain Python, in float64, over samples given as one list of (duty index, value)."""

    def __init__(
        self,
        duty_cycles: int,
        percent_on: float,
        k_inference_factor: float,
        boost_strength: float,
        period: int,
    ) -> None:
        self.duty_cycle = [0.0] * duty_cycles
        self.percent_on, self.factor, self.strength, self.period = (
            percent_on,
            k_inference_factor,
            boost_strength,
            period,
        )
        self.seen = 0

    def __call__(self, samples: Sequence[Sample], training: bool) -> list[list[bool]]:
        units = len(samples[0])
        k = max(1, round(self.percent_on * units))
        target = k / units
        if not training:
            linear = units == len(self.duty_cycle)
            k = min(units, int(k * self.factor) if linear else round(self.percent_on * self.factor * units))
        wins = [self.winners(sample, k, target) for sample in samples]
        if training:
            self.count(samples, wins)
        return wins

    def winners(self, sample: Sample, k: int, target: float) -> list[bool]:
        boosted = [x * math.exp(self.strength * (target - self.duty_cycle[d])) for d, x in sample]
        kth = sorted(boosted, reverse=True)[k - 1]
        return [value >= kth for value in boosted]

    def count(self, samples: Sequence[Sample], wins: list[list[bool]]) -> None:
        batch = len(samples)
        self.seen += batch
        window = max(batch, min(self.period, self.seen))
        positions = len(samples[0]) // len(self.duty_cycle)
        for unit, old in enumerate(self.duty_cycle):
            on = sum(
                w and x > 0
                for sample, win in zip(samples, wins, strict=True)
                for (d, x), w in zip(sample, win, strict=True)
                if d == unit
            )
            self.duty_cycle[unit] = ((window - batch) * old + on / positions) / window


@pytest.mark.parametrize("shape", [(6, 40), (5, 4, 3, 5)])
@pytest.mark.parametrize("percent_on", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("strength", [0.0, 1.5, 20.0])
def test_random_batches_agree_with_the_definition_computed_slowly(
    shape: tuple[int, ...], percent_on: float, strength: float
) -> None:
    kind = KWinners if len(shape) == 2 else KWinners2d
    layer = kind(shape[1], percent_on, KWinnersConfig(1.4, strength, duty_cycle_period=17))
    slow = SlowKWinners(shape[1], percent_on, 1.4, strength, 17)
    duty_index = torch.arange(shape[1]).view(-1, *[1] * (len(shape) - 2)).expand(shape[1:]).flatten().tolist()
    generator = torch.Generator().manual_seed(5)
    for training in (True, True, True, True, False, True):
        x = torch.randn(shape, generator=generator).requires_grad_()
        gradient = torch.randn(shape, generator=generator)
        layer.train(training)
        y = layer(x)
        y.backward(gradient)
        samples = [list(zip(duty_index, row, strict=True)) for row in x.detach().flatten(1).tolist()]
        wins = torch.tensor(slow(samples, training)).view(shape)
        assert torch.equal(y, torch.where(wins, x, 0.0))
        assert torch.equal(gradient_of(x), torch.where(wins, gradient, 0.0))
        np.testing.assert_allclose(layer.duty_cycle, slow.duty_cycle, atol=1e-6)


def test_the_memory_format_makes_no_difference() -> None:
    x = torch.randn(4, 6, 5, 5, generator=torch.Generator().manual_seed(1))
    outcomes = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        layer = KWinners2d(6, 0.2)
        for _ in range(2):  # the second time with a boost that differs by channel
            y = layer(x.contiguous(memory_format=memory_format))
        outcomes.append((y, layer.duty_cycle))
    assert torch.equal(outcomes[0][0], outcomes[1][0])
    torch.testing.assert_close(outcomes[0][1], outcomes[1][1])
    assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_float_types_keep_their_type_and_their_values(dtype: torch.dtype) -> None:
    x = torch.randn(3, 50, generator=torch.Generator().manual_seed(2)).to(dtype).requires_grad_()
    y = layer_1d(50, 0.1)(x)
    y.sum().backward()
    assert y.dtype == dtype
    for row, activations, gradient in zip(y, x, gradient_of(x), strict=True):
        assert torch.equal(row[row != 0].sort(descending=True).values[:5], activations.topk(5).values)
        assert torch.equal(gradient, (row != 0).to(dtype))


def test_a_layer_in_half_precision_still_learns_its_duty_cycle() -> None:
    layer = KWinners(2, 0.5).to(torch.bfloat16)
    layer(torch.tensor([[2.0, 1.0], [2.0, 1.0]], dtype=torch.bfloat16))
    assert layer.duty_cycle.tolist() == [1, 0]


@pytest.mark.parametrize("where", [0, 7])
def test_a_nan_stays_a_nan(where: int) -> None:
    x = torch.arange(8.0)[None]
    x[0, where] = math.nan
    assert layer_1d(8, 0.25)(x)[0, where].isnan()
    assert layer_1d(8, 0.25)(torch.full((1, 8), math.nan)).isnan().all()


def test_all_inputs_0_pass_on_0_and_turn_nothing_on() -> None:
    layer = layer_1d(4, 0.5)
    assert torch.equal(layer(torch.zeros(2, 4)), torch.zeros(2, 4))
    assert layer.duty_cycle.tolist() == [0, 0, 0, 0]


def test_the_boost_strength_of_every_layer_decays_by_its_factor() -> None:
    layers = [
        KWinners(4, 0.5, KWinnersConfig(boost_strength=2.0, boost_strength_factor=0.5)),
        torch.nn.ReLU(),
    ]
    model: Any = torch.nn.Sequential(*layers, KWinners2d(4, 0.5, KWinnersConfig(boost_strength=1.5)))
    decay_boost_strength(model)
    decay_boost_strength(model)
    assert model[0].boost_strength.item() == 0.5
    assert model[2].boost_strength.item() == pytest.approx(1.5 * 0.9**2)


def test_a_checkpoint_holds_the_whole_state(tmp_path: Path) -> None:
    layer = KWinners(4, 0.5, KWinnersConfig(boost_strength=2.0))
    layer(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)))
    layer.decay_boost_strength()
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    restored = KWinners(4, 0.5, KWinnersConfig(boost_strength=7.0))
    restored.load_state_dict(torch.load(tmp_path / "layer.pt", weights_only=True))
    assert restored.boost_strength == layer.boost_strength == pytest.approx(1.8)
    assert restored.samples_seen == 3
    assert restored.duty_cycle.sum() > 0
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(restored(x), layer(x))
    assert torch.equal(restored.duty_cycle, layer.duty_cycle)


@pytest.mark.parametrize("value", [0.0, -0.1, 1.1, math.nan])
@pytest.mark.parametrize("kind", [KWinners, KWinners2d])
def test_a_percent_on_out_of_range_is_named(kind: type[KWinners | KWinners2d], value: float) -> None:
    with pytest.raises(ValueError, match=f"^percent_on is {value}; it must be "):
        kind(4, value)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("k_inference_factor", 0.0),
        ("k_inference_factor", -1.0),
        ("boost_strength", -0.1),
        ("boost_strength_factor", -0.1),
        ("boost_strength_factor", 1.1),
        ("duty_cycle_period", 0),
    ],
)
def test_a_setting_out_of_range_is_named(argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{argument} is {value}; it must be "):
        KWinnersConfig(**{argument: value})


def compiled_and_plain_agree(backend: str) -> None:
    generator = torch.Generator().manual_seed(4)
    for kind, shape in ((KWinners, (8, 30)), (KWinners2d, (8, 6, 4, 4))):
        plain, compiled_layer = (
            kind(shape[1], 0.2, KWinnersConfig(k_inference_factor=1.5, duty_cycle_period=12))
            for _ in range(2)
        )
        compiled: Any = torch.compile(compiled_layer, fullgraph=True, backend=backend)
        for training in (True, True, False):
            plain.train(training)
            compiled.train(training)
            x = torch.randn(shape, generator=generator)
            inputs = [x.clone().requires_grad_(), x.clone().requires_grad_()]
            outputs = [plain(inputs[0]), compiled(inputs[1])]
            for y in outputs:
                y.square().sum().backward()
            assert torch.equal(*outputs)
            torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
            torch.testing.assert_close(plain.duty_cycle, compiled_layer.duty_cycle)
    torch.compiler.reset()


def test_the_graph_has_no_break() -> None:
    compiled_and_plain_agree("aot_eager")


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:.*torch.jit.script.* is deprecated:DeprecationWarning"
)  # torch's compiler
def test_a_compiled_layer_computes_the_same() -> None:
    compiled_and_plain_agree("inductor")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_in_16_bits_exactly_k_win_and_they_are_the_highest(
    dtype: torch.dtype, layout: torch.memory_format
) -> None:
    """Of 12,544 activations so many are equal that a threshold alone let 1,203 of 1,192 wanted pass."""
    x = torch.randn(16, 64, 14, 14, generator=torch.Generator().manual_seed(3)).to(dtype)
    layer = KWinners2d(64, 0.095)
    wanted = round(0.095 * 64 * 14 * 14)
    y = layer(x.to(memory_format=layout))
    assert y.dtype == dtype
    assert y.count_nonzero(dim=(1, 2, 3)).tolist() == [wanted] * 16
    # All boost factors are alike, so the winners are the highest activations.
    boosted = x.flatten(1).float()
    lowest = boosted.masked_fill((y == 0).flatten(1), float("inf")).amin(dim=1)
    assert torch.equal(lowest, boosted.sort(descending=True).values[:, wanted - 1])
    assert torch.equal(y[y != 0], x[y != 0])
    assert float(layer.duty_cycle.mean()) == pytest.approx(wanted / boosted.shape[1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_16_bits_ties_go_to_the_first_units(dtype: torch.dtype) -> None:
    row = torch.tensor([[1.0, 2.0, 1.0, 3.0, 1.0, 1.0, -1.0, 2.0]]).to(dtype)
    assert KWinners(8, 0.5)(row).tolist() == [[1.0, 2.0, 0.0, 3.0, 0.0, 0.0, 0.0, 2.0]]
    image = row.view(1, 2, 2, 2)  # units by position: (1, 1), (2, 1), (1, -1), (3, 2)
    assert KWinners2d(2, 0.5)(image).flatten().tolist() == [1.0, 2.0, 0.0, 3.0, 0.0, 0.0, 0.0, 2.0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_nan_stays_one_in_any_precision(dtype: torch.dtype) -> None:
    y = KWinners(4, 0.5)(torch.tensor([[1.0, math.nan, 2.0, 0.0]], dtype=dtype))
    assert y[0, 1].isnan()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_chooses_the_same_winners() -> None:
    generator = torch.Generator().manual_seed(9)
    on_cpu, on_gpu = KWinners2d(64, 0.095), KWinners2d(64, 0.095).cuda()
    on_gpu.train(False)
    on_cpu.train(False)
    x = torch.randn(16, 64, 14, 14, generator=generator)
    assert torch.equal(on_gpu(x.cuda()).cpu(), on_cpu(x))
