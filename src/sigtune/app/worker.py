"""A single run as a worker: take one suggestion, train it, report it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from omegaconf import DictConfig

from sigtune.checks.run import CheckedRun, set_values
from sigtune.errors import JobStoppedError, UsageError
from sigtune.job.metric_values import failure_reason, metric_values
from sigtune.tuning.budget import Budget
from sigtune.tuning.connection import log_backend
from sigtune.tuning.drawn_seed import drawn_seed
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.leases import new_lease, release_abandoned, renewing
from sigtune.tuning.opening import change_experiment
from sigtune.tuning.suggested_values import changed_values

log = logging.getLogger(__name__)


def work(config: DictConfig, run: CheckedRun, train: Callable[[DictConfig], Any]) -> dict[str, float] | None:
    """Train one suggestion of the experiment that the run's check has opened: see `run_one_suggestion`."""
    assert run.experiment is not None
    log_backend(run.block.backend)
    details = run.details
    if run.changes.update:
        details = change_experiment(run.experiment, run.changes.update)
        log.info("changed experiment %s: %s", details.id, "; ".join(run.changes.described))
    order = run.block.metric_order([metric.name for metric in details.metrics])
    seed_key = run.block.repeat_key if run.block.seed_per_suggestion else None
    return run_one_suggestion(config, run.experiment, details, train, order, seed_key)


def run_one_suggestion(
    config: DictConfig,
    experiment: SigOptExperiment,
    details: Any,
    train: Callable[[DictConfig], Any],
    metric_order: Sequence[str] | None,
    drawn_seed_key: str | None = None,
) -> dict[str, float] | None:
    """Train one suggestion of `experiment` and report its result; return the metrics.

    `details` is SigOpt's Experiment object; `metric_order` has its metrics in the order of the sequence that
    `train` may return, and is None where that is not known; `drawn_seed_key` is the key of the seed where
    each suggestion has one of its own. Returns None, with nothing trained, where the observation budget is
    consumed. A crash of `train` is reported as a failed observation and raised; a UsageError takes no budget,
    and neither does Ctrl-C, after which the next worker is given the same assignments.
    """
    if _is_consumed(details):
        log.info(
            "experiment %s has consumed its observation budget of %d: nothing was trained",
            experiment.experiment_id,
            details.observation_budget,
        )
        return None
    metrics = [metric.name for metric in details.metrics]
    suggestion = _draw(experiment)
    if suggestion is None:
        return None
    values = changed_values(config, experiment, suggestion)
    if drawn_seed_key is not None:
        values[drawn_seed_key] = drawn_seed(config, drawn_seed_key, suggestion)
    log.info("suggestion %s: %s", suggestion.id, values)
    try:
        with renewing(experiment, suggestion):
            returned = train(set_values(config, values))
        result = metric_values(returned, metric_order or metrics, metric_order is not None)
    except (UsageError, KeyboardInterrupt, JobStoppedError):
        experiment.put_back(suggestion)
        raise
    except Exception as error:
        experiment.update_observation(suggestion.id, None, {"reason": failure_reason(error)[:500]})
        raise
    log.info("suggestion %s: trained, with %s", suggestion.id, result)
    experiment.update_observation(suggestion.id, result)
    return result


def _draw(experiment: SigOptExperiment) -> Any:
    """Return a suggestion that this process holds; None where older ones consume the rest of the budget."""
    release_abandoned(experiment)
    suggestion = experiment.get_next_suggestion(new_lease())
    if not Budget(experiment).exceeds(suggestion):
        return suggestion
    experiment.delete_suggestion(suggestion.id)
    log.info(
        "others are training all that is left of the budget of experiment %s: nothing was trained",
        experiment.experiment_id,
    )
    return None


def _is_consumed(details: Any) -> bool:
    budget = details.observation_budget
    return budget is not None and details.progress.observation_budget_consumed >= budget
