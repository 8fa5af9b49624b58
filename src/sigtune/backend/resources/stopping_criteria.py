"""Whether an experiment should stop."""

from __future__ import annotations

import math

from sigtune.backend.lookup import experiment_of
from sigtune.backend.observed import Observed, observed_by
from sigtune.backend.requests import Json, Request
from sigtune.backend.views import definition_of
from sigtune.definition import ranking
from sigtune.definition.experiment import ExperimentDefinition

_OBSERVATIONS_PER_PARAMETER = 5
_BEST_COMPARED = 5


def detail(request: Request) -> Json:
    """GET experiments/ID/stopping_criteria: the budget is exceeded, or nothing gets better."""
    experiment = experiment_of(request)
    definition = definition_of(experiment)
    observed = observed_by(request.session, experiment, {})
    budget = experiment.observation_budget
    exceeded = budget is not None and len(observed) > budget
    reasons = []
    if _stagnates(definition, observed, exceeded=exceeded):
        reasons.append("possible_stagnation")
    if exceeded:
        reasons.append("observation_budget_reached")
    return {"object": "stopping_criteria", "should_stop": bool(reasons), "reasons": reasons}


def _stagnates(definition: ExperimentDefinition, observed: list[Observed], *, exceeded: bool) -> bool:
    """Return whether the last observations, 5 for each parameter, are no better than the fifth best before.

    Two metrics, or several solutions, stagnate where those observations left the Pareto front as it was and
    the budget is exceeded. A search for feasible points alone never does.
    """
    recent = _OBSERVATIONS_PER_PARAMETER * len(definition.parameters)
    if len(observed) < recent + _BEST_COMPARED or not definition.optimized_metrics:
        return False
    earlier, latest = observed[:-recent], observed[-recent:]
    if len(definition.optimized_metrics) > 1 or definition.num_solutions > 1:
        metrics = definition.optimized_metrics
        return exceeded and ranking.best(earlier, metrics) == ranking.best(observed, metrics)
    scores = sorted(_score(definition, item) for item in earlier)
    return scores[-_BEST_COMPARED] >= max(_score(definition, item) for item in latest)


def _score(definition: ExperimentDefinition, observed: Observed) -> float:
    [metric] = definition.optimized_metrics
    return -math.inf if observed.values is None else metric.score(observed.values[metric.name])
