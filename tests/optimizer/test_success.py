"""How probable it is that a job succeeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.optimizer.searches import Evaluate, Point, definition, observed

from sigtune.optimizer.engines.model.propose import single_thread
from sigtune.optimizer.engines.model.success import log_success
from sigtune.optimizer.engines.model.surrogate import Ensemble, as_tensor
from sigtune.optimizer.gaussian_process import likeliest
from sigtune.optimizer.space_filling import fill
from sigtune.optimizer.training_data import TrainingData, training_data


def fails_from_0_7(at: Point) -> dict[str, float] | None:
    return None if at["x"] > 0.7 else {"score": at["x"]}


def data_of(evaluate: Evaluate) -> TrainingData:
    data = training_data(definition(), observed(fill(definition(), 20, 5), evaluate), None, 0)
    assert data is not None
    return data


def test_it_falls_where_jobs_failed() -> None:
    of_rows = log_success(data_of(fails_from_0_7))
    assert of_rows is not None
    safe, failing = of_rows(torch.tensor([[0.2, 0.5], [0.9, 0.5]], dtype=torch.float64)).exp()
    assert safe > 0.7
    assert failing < 0.1


def test_it_is_the_probability_of_botorchs_posterior() -> None:
    data = data_of(fails_from_0_7)
    of_rows = log_success(data)
    assert of_rows is not None
    fitted = likeliest(data.rows, data.margins, np.full(len(data.rows), np.nan))
    noise = as_tensor(np.full((1, len(data.rows)), fitted.noise))
    rows = torch.tensor(np.random.default_rng(0).random((50, 2)))
    with single_thread(0):  # quiet: margins are not standardized
        model = Ensemble(as_tensor(data.rows), as_tensor(data.margins), noise, [fitted])
        posterior = model.posterior(rows[:, None])
    expected = torch.special.log_ndtr(posterior.mean / posterior.variance.sqrt()).flatten()
    assert of_rows(rows).numpy() == pytest.approx(expected.detach().numpy(), abs=1e-4)


def test_nothing_is_weighted_where_every_job_succeeded() -> None:
    assert log_success(data_of(lambda at: {"score": at["x"]})) is None
