"""What a point promises, and what it promises while others are being tried."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.optimizer.searches import SCORE, Evaluate, Point, bowl, definition, observed, point
from torch import Tensor

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.metrics import Metric
from sigtune.optimizer.engines.model.acquisition import acquisition_of, reference_point, values_at
from sigtune.optimizer.engines.model.propose import single_thread
from sigtune.optimizer.engines.model.surrogate import as_tensor, surrogate_of
from sigtune.optimizer.space_filling import fill
from sigtune.optimizer.training_data import TrainingData, training_data

TWO = definition(metrics=[*SCORE, Metric("cost", "minimize")])
LIMITED = definition(metrics=[*SCORE, Metric("cost", "minimize", "constraint", threshold=0.6)])
PENDING: list[Point] = [{"x": 0.6, "y": 0.3}, {"x": 0.75, "y": 0.2}]
ASKED: list[Point] = [
    {"x": 0.58, "y": 0.33},
    {"x": 0.7, "y": 0.2},
    {"x": 0.4, "y": 0.3},
    {"x": 0.5, "y": 0.0},
]


def limited_bowl(at: Point) -> dict[str, float]:
    return {**bowl(at), "cost": at["x"]}


def data_of(space: ExperimentDefinition, evaluate: Evaluate, count: int) -> TrainingData:
    data = training_data(space, observed(fill(space, count, 5), evaluate), None, 0)
    assert data is not None
    return data


def improvement_by_samples(model: Any, best: Tensor, rows: Tensor, pending: Tensor) -> Tensor:
    """Return the logarithm of the improvement at rows, of many samples of them and of the pending ones."""
    samples = model.posterior(torch.cat([rows, pending])).rsample(torch.Size([40_000]))
    score, limits = samples[..., 0], samples[..., 1:]
    found = torch.where((limits >= 0).all(-1), score, -torch.inf)[..., len(rows) :].amax(-1)
    gained = score[..., : len(rows)] - torch.maximum(found, best)[..., None]
    improvement: Tensor = gained.clamp_min(0).mean((0, 1)).log()
    return improvement


@pytest.mark.parametrize("count", [8, 14])
def test_where_nothing_is_sampled_it_is_the_closed_form_of_each_draws_posterior(count: int) -> None:
    data = data_of(definition(), bowl, count)
    asked = as_tensor(data.rows_of(fill(definition(), 50, 6)))
    with single_thread(0), torch.no_grad():
        model: Any = surrogate_of(data, 0)
        promised = values_at(acquisition_of(data, model, as_tensor(data.rows), None, 0), asked)
        best = model.posterior(as_tensor(data.rows)).mean.amax(1)
        posterior = model.posterior(asked)
    deviation = posterior.variance[..., 0].sqrt()
    ratio = (posterior.mean[..., 0] - best) / deviation
    density = torch.exp(-0.5 * ratio**2) / (2 * torch.pi) ** 0.5
    improvement = (deviation * (ratio * torch.special.ndtr(ratio) + density)).mean(0)
    computable = improvement > 1e-12
    assert computable.sum() >= 3
    assert promised[computable].numpy() == pytest.approx(improvement[computable].log().numpy(), abs=1e-3)


@pytest.mark.parametrize(("space", "evaluate"), [(definition(), bowl), (LIMITED, limited_bowl)])
def test_it_is_the_improvement_over_what_pending_points_find(
    space: ExperimentDefinition, evaluate: Evaluate
) -> None:
    data = data_of(space, evaluate, 8)
    rows, pending = (as_tensor(data.rows_of(points)) for points in (ASKED, PENDING))
    with single_thread(0), torch.no_grad():
        model: Any = surrogate_of(data, 0)
        promised = values_at(acquisition_of(data, model, as_tensor(data.rows), pending, 0), rows)
        alone = values_at(acquisition_of(data, model, as_tensor(data.rows), None, 0), rows)
        models = model.models if data.constraints else [model]
        best = models[0].posterior(as_tensor(data.feasible_rows)).mean[..., 0].amax(-1)
        expected = improvement_by_samples(model, best, rows, pending)
        if data.constraints:
            margin = models[1].posterior(rows)
            expected += (
                torch.special.log_ndtr(margin.mean / margin.variance.sqrt())[..., 0].exp().mean(0).log()
            )
    assert promised.numpy() == pytest.approx(expected.numpy(), abs=0.15)
    assert (promised < alone - 0.1).all()


def test_where_nothing_is_known_to_meet_a_constraint_open_suggestions_are_kept_apart() -> None:
    def never(at: Point) -> dict[str, float]:
        return {**bowl(at), "cost": 1.0 + at["x"]}

    outcomes = observed(fill(LIMITED, 8, 5), never)
    alone = point(LIMITED, outcomes, index=9)
    beside = point(LIMITED, outcomes, [alone], index=9)
    assert max(abs(alone[name] - beside[name]) for name in ("x", "y")) > 0.05


def test_a_point_that_is_open_twice_and_was_observed_already_is_taken() -> None:
    outcomes = observed(fill(definition(), 12, 5), bowl)
    again = outcomes[3].assignments
    assert point(definition(), outcomes, [again, again], index=13) != again


@pytest.mark.parametrize("tried", [[], PENDING])
def test_the_hypervolumes_improvement_is_that_of_many_samples(tried: list[Point]) -> None:
    from botorch.acquisition.multi_objective.monte_carlo import qExpectedHypervolumeImprovement
    from botorch.sampling.normal import SobolQMCNormalSampler
    from botorch.utils.multi_objective.box_decompositions.non_dominated import NondominatedPartitioning

    data = data_of(TWO, limited_bowl, 12)
    rows = as_tensor(data.rows_of(ASKED))
    pending = as_tensor(data.rows_of(tried)) if tried else None
    with single_thread(0), torch.no_grad():
        model: Any = surrogate_of(data, 0)
        promised = values_at(acquisition_of(data, model, as_tensor(data.rows), pending, 0), rows)
        point = reference_point(data)
        front = NondominatedPartitioning(point, Y=model.posterior(as_tensor(data.rows)).mean[0])
        sampler = SobolQMCNormalSampler(torch.Size([16384]), seed=1)
        sampled = qExpectedHypervolumeImprovement(model, point, front, sampler=sampler)
        if pending is None:
            expected = sampled(rows[:, None])
        else:
            together = torch.cat([rows[:, None], pending.expand(len(rows), -1, -1)], dim=1)
            expected = sampled(together) - sampled(pending)
    assert promised.exp().numpy() == pytest.approx(expected.numpy(), rel=0.15, abs=1e-3)
    assert (promised > -20).sum() >= 3
