"""What `python train.py` does with a composed config: create an experiment, work for one, or train."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from sigtune.app.run_check import checked_run
from sigtune.app.training import train
from sigtune.app.untouched_folder import remove_untouched_folder
from sigtune.checks.run import default_values, set_values
from sigtune.errors import UsageError
from sigtune.invocation import exit_with
from sigtune.job.stop import stop_file
from sigtune.tuning.block import read_block


def run(cfg: DictConfig) -> dict[str, float] | None:
    """Do what the config asks for, and return the metrics of the training, by name.

    Raises UsageError inside a sweep, for the sweeper to stop at; outside one the process ends with exit
    code 2 and the list of problems.
    """
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return _run_job(cfg)
    try:
        return _run_once(cfg)
    except UsageError as error:
        remove_untouched_folder()
        exit_with(error)


def _run_job(cfg: DictConfig) -> dict[str, float]:
    """Train as a job of a sweep: its check was the sweep's, which gave every tuned key its value."""
    values, problems = default_values(cfg, read_block(cfg.get("sigopt")))
    if problems:
        raise UsageError(problems)
    return train(set_values(cfg, values), should_stop=stop_file(HydraConfig.get().sweep.dir).exists)


def _run_once(cfg: DictConfig) -> dict[str, float] | None:
    overrides = list(HydraConfig.get().overrides.task)
    checked = checked_run(cfg, overrides)
    if checked.block.create:
        from sigtune.app.create import create

        create(checked, overrides)
        return None
    if checked.experiment is not None:
        from sigtune.app.worker import work

        return work(cfg, checked, _train)
    metrics = _train(set_values(cfg, checked.default_values))
    print(f"done     {_format_metrics(metrics)} · {HydraConfig.get().runtime.output_dir}")
    return metrics


def _train(cfg: DictConfig) -> dict[str, float]:
    return train(cfg, progress_bar=sys.stderr.isatty())


def _format_metrics(metrics: Mapping[str, float]) -> str:
    # Lightning's LearningRateMonitor leaves the last learning rates among the metrics, as lr-OPTIMIZER.
    return " · ".join(f"{name} {value:.4f}" for name, value in metrics.items() if not name.startswith("lr-"))
