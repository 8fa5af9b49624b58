"""A single run as a worker: take one suggestion, train it, report it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sigtune.errors import JobStoppedError, UsageError
from sigtune.job.metric_values import failure_reason, metric_values
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.overrides import changed_values

log = logging.getLogger(__name__)


def run_one_suggestion(
    config: DictConfig,
    experiment: SigOptExperiment,
    train: Callable[[DictConfig], Any],
) -> dict[str, float] | None:
    """Train one suggestion of `experiment` and report what came of it; return the metrics.

    Returns None, with nothing trained, where the observation budget is consumed. A crash of `train` is
    reported as a failed observation and raised; a UsageError takes no budget, and neither does Ctrl-C, after
    which the next worker is given the same assignments.
    """
    details = experiment.get_experiment_details()
    if _is_consumed(details):
        log.info(
            "experiment %s has consumed its observation budget of %d: nothing was trained",
            experiment.experiment_id,
            details.observation_budget,
        )
        return None
    metrics = [metric.name for metric in details.metrics]
    suggestion = experiment.get_next_suggestion()
    values = changed_values(config, experiment, suggestion)
    for key, value in values.items():
        OmegaConf.update(config, key, value)
    log.info("suggestion %s: %s", suggestion.id, values)
    try:
        result = metric_values(train(config), metrics)
    except (UsageError, KeyboardInterrupt, JobStoppedError):
        experiment.put_back(suggestion)
        raise
    except Exception as error:
        experiment.update_observation(suggestion.id, None, {"reason": failure_reason(error)[:500]})
        raise
    experiment.update_observation(suggestion.id, result)
    log.info("suggestion %s: reported %s", suggestion.id, result)
    return result


def _is_consumed(details: Any) -> bool:
    budget = details.observation_budget
    return budget is not None and details.progress.observation_budget_consumed >= budget
