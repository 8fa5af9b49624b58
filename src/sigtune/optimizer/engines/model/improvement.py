"""What a point promises, in closed form: improvement of a metric or of two's hypervolume, and feasibility."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.analytic import _log_ei_helper as log_standard_improvement
from botorch.models.model import Model
from botorch.models.model_list_gp_regression import ModelListGP
from torch import Tensor

from sigtune.optimizer.engines.model.surrogate import Covariance, Ensemble

_NEARLY_EXACT = 1e-6
"""The variance of a sampled score, in that of all scores, so that matrices can be inverted."""

_LEAST_VARIANCE = 1e-10
_LEAST_DROP = 1e-15


class ConditionalScore:
    """The distribution of a metric's score, given samples of the scores of some points, if of any.

    Given a sample a score is normal. One matrix is inverted for each draw of the hyperparameters, for all
    samples and points, which takes less than half of the time of BoTorch's posteriors (docs/adr/0023).
    """

    def __init__(self, model: Ensemble, rows: Tensor | None = None, scores: Tensor | None = None) -> None:
        """Take rows (n, width) and samples of their scores (samples, draws, n)."""
        observed, noise = model.train_inputs[0], model.likelihood.noise  # (draws, observed...)
        rows = observed[0, :0] if rows is None else rows
        scores = observed.new_empty(1, len(observed), 0) if scores is None else scores
        self._covariance = cast(Covariance, model.covar_module).forward
        with torch.no_grad():
            self._known = torch.cat([observed, rows.expand(len(observed), *rows.shape)], dim=1)
            nearly_exact = torch.full((len(observed), len(rows)), _NEARLY_EXACT, dtype=torch.float64)
            noise = torch.diag_embed(torch.cat([noise, nearly_exact], dim=1))
            factor = torch.linalg.cholesky(self._covariance(self._known, self._known) + noise)
            self._inverse = torch.cholesky_inverse(factor)
            self._mean = model.mean_module.constant[:, None, None]
            observations = model.train_targets[..., None].expand(-1, -1, len(scores))
            known_scores = torch.cat([observations, scores.permute(1, 2, 0)], dim=1)
            self._weights = self._inverse @ (known_scores - self._mean)  # (draws, known, samples)

    def moments(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return means (draws, batch, samples) and deviations (draws, batch, 1) at rows (batch, width)."""
        points = rows.expand(len(self._known), -1, -1)
        covariance = self._covariance(points, self._known)  # (draws, batch, known)
        explained = ((covariance @ self._inverse) * covariance).sum(-1)
        variance = self._covariance(points, points, diag=True) - explained
        deviation = variance.clamp_min(_LEAST_VARIANCE).sqrt()[..., None]
        return self._mean + covariance @ self._weights, deviation


class LogImprovement(AcquisitionFunction):
    """The logarithm of the improvement that is expected of a point, over the best of each sample.

    The scores of some points may be sampled: of those that are being tried (Snoek et al. 2012, section 3.2),
    or of observed ones that noise hides (Letham et al. 2019). With none it is BoTorch's
    LogExpectedImprovement.
    """

    def __init__(self, model: Ensemble, rows: Tensor, scores: Tensor, best: Tensor) -> None:
        """Take rows (n, width), samples of their scores (samples, draws, n), the best (samples, draws)."""
        super().__init__(model=model)
        self._scores = ConditionalScore(model, rows, scores)
        self._best = best.T[:, None]  # (draws, 1, samples)

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803 - BoTorch's name
        """Return the value of each point, shape (batch,), of points of shape (batch, 1, width)."""
        of_each = _log_improvement(*self._scores.moments(X[:, 0]), self._best)
        values: Tensor = of_each.logsumexp((0, 2)) - math.log(of_each.shape[0] * of_each.shape[2])
        return values


class LogHypervolumeImprovement(AcquisitionFunction):
    """The logarithm of the volume that a point is expected to add to what the front of each sample dominates.

    The first score's axis is cut at the points of the front. What a point adds between two cuts is its width
    there times what its second score is above the front, and these are independent (Emmerich et al. 2011).
    """

    def __init__(
        self, model: ModelListGP, rows: Tensor, scores: Tensor, front: Tensor, point: Tensor
    ) -> None:
        """Take rows (n, width), samples of their scores (samples, 1, n, 2), and what the volume is between.

        That is the front of points (samples, m, 2), and the reference point (2,).
        """
        super().__init__(model=model)
        models = cast(Sequence[Ensemble], model.models)
        self._scores = [ConditionalScore(each, rows, scores[..., i]) for i, each in enumerate(models)]
        front = torch.maximum(front, point)
        order = front[..., 0].argsort(dim=1)
        first, second = (front[..., output].gather(1, order) for output in (0, 1))
        self._cuts = torch.cat([point[0].expand(len(front), 1), first], dim=1)  # (samples, m + 1)
        levels = torch.cat([second, point[1].expand(len(front), 1)], dim=1)
        self._levels = levels.flip(1).cummax(1).values.flip(1)
        self._is_wide = self._cuts.diff(dim=1) > 0

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803 - BoTorch's name
        """Return the value of each point, shape (batch,), of points of shape (batch, 1, width)."""
        (first, width), (second, height) = (
            (mean[0, ..., None], deviation[0, ..., None])  # (batch, samples or 1, 1)
            for mean, deviation in (scores.moments(X[:, 0]) for scores in self._scores)
        )
        beyond = _log_improvement(first, width, self._cuts)  # (batch, samples, m + 1)
        drop = torch.where(self._is_wide, beyond[..., 1:] - beyond[..., :-1], -1.0).clamp_max(-_LEAST_DROP)
        between = torch.where(self._is_wide, beyond[..., :-1] + torch.log(-torch.expm1(drop)), -torch.inf)
        within = torch.cat([between, beyond[..., -1:]], dim=-1)
        of_each = (within + _log_improvement(second, height, self._levels)).logsumexp(-1)
        values: Tensor = of_each.logsumexp(1) - math.log(of_each.shape[1])
        return values


def log_feasibility(limits: Model) -> Callable[[Tensor], Tensor]:
    """Return the logarithm of the probability that no output is below 0, of rows (batch, width)."""
    models = limits.models if isinstance(limits, ModelListGP) else [limits]
    margins = [ConditionalScore(cast(Ensemble, each)) for each in models]

    def of_rows(rows: Tensor) -> Tensor:
        moments = (margin.moments(rows) for margin in margins)
        of_each = torch.stack([torch.special.log_ndtr(mean / deviation) for mean, deviation in moments])
        of_draws = of_each.sum(0)[..., 0]  # (draws, batch)
        logarithm: Tensor = of_draws.logsumexp(0) - math.log(len(of_draws))
        return logarithm

    return of_rows


def _log_improvement(mean: Tensor, deviation: Tensor, best: Tensor) -> Tensor:
    return log_standard_improvement((mean - best) / deviation) + deviation.log()
