"""What `python train.py` does with a composed config: create an experiment, work for one, or train."""

from __future__ import annotations

import logging
import sys

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from sigtune.command_line import exit_with
from sigtune.config import Config
from sigtune.config_problems import missing_keys
from sigtune.errors import Problem, UsageError

log = logging.getLogger(__name__)


def run(cfg: DictConfig) -> dict[str, float] | None:
    """Do what the config asks for, and return the metrics of the training, by name.

    Raises UsageError inside a sweep, for the sweeper to stop at; outside one the process ends with exit
    code 2 and the list of problems.
    """
    try:
        return _run(cfg)
    except UsageError as error:
        if in_sweep():
            raise
        exit_with(error)


def check(cfg: DictConfig) -> list[Problem]:
    """Return what this machine lacks to train the config; the sweeper asks before it draws a suggestion."""
    from sigtune.training.devices import device_problems

    return device_problems(cfg.trainer.gpus)


def _run(cfg: DictConfig) -> dict[str, float] | None:
    if cfg.sigopt.create:
        _create(cfg)
        return None
    if cfg.sigopt.experiment_id is not None:
        return _work(cfg)
    filled, problems = with_default_values(cfg)
    problems += check(cfg)
    if problems:
        raise UsageError(problems)
    metrics = _train(filled)
    if not in_sweep():
        shown = " · ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        print(f"trained  {shown} · {HydraConfig.get().runtime.output_dir}")
    return metrics


def _create(cfg: DictConfig) -> None:
    from sigtune.tuning.checks import search_problems
    from sigtune.tuning.creation import creation_message, open_experiment

    problems = search_problems(cfg, cfg.sigopt, overridden_keys())
    if cfg.sigopt.experiment_id is not None:
        problems.append(
            Problem(
                "sigopt.create=true", "given with an experiment_id, which exists", "leave one of them out"
            )
        )
    if problems:
        raise UsageError(problems)
    experiment = open_experiment(cfg.sigopt)
    print(creation_message(cfg.sigopt, experiment, list(HydraConfig.get().overrides.task)))


def _work(cfg: DictConfig) -> dict[str, float] | None:
    from sigtune.tuning.checks import search_problems
    from sigtune.tuning.creation import open_experiment
    from sigtune.tuning.worker import run_one_suggestion

    problems = [*search_problems(cfg, cfg.sigopt, ()), *check(cfg)]
    if problems:
        raise UsageError(problems)
    return run_one_suggestion(cfg, open_experiment(cfg.sigopt), overridden_keys(), _train)


def _train(cfg: DictConfig) -> dict[str, float]:
    from sigtune.training.train import train

    config = OmegaConf.to_object(cfg)
    assert isinstance(config, Config)
    return train(config, progress_bar=sys.stderr.isatty() and not in_sweep())


def with_default_values(cfg: DictConfig) -> tuple[DictConfig, list[Problem]]:
    """Return the config with each tuned key that has no value set from its parameter's default value.

    The problems name every key that still has none, and the parameters that could have given it one.
    """
    from sigtune.tuning.checks import experiment_class, missing_values
    from sigtune.tuning.definition import default_assignments, experiment_definition
    from sigtune.tuning.overrides import Point, changed_values

    missing = missing_keys(cfg)
    parameters = experiment_definition(cfg.sigopt)["parameters"]
    filled = cfg.copy()
    if missing and parameters:
        point = Point(default_assignments(parameters))
        for key, value in changed_values(cfg, experiment_class(cfg.sigopt)(), point).items():
            if key in missing:
                OmegaConf.update(filled, key, value)
    problems = missing_values(filled)
    if problems:
        problems += [
            Problem(
                f"sigopt.parameters.{parameter.get('name')}",
                "has no default_value for a run without a search",
                "give it one, or search: python train.py -m hydra/sweeper=sigopt",
            )
            for parameter in parameters
            if "default_value" not in parameter
        ]
    return filled, problems


def in_sweep() -> bool:
    """Tell whether this is a job of a sweep (`-m`)."""
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def overridden_keys() -> set[str]:
    """Return the config keys given on this run's command line."""
    overrides = OverridesParser.create().parse_overrides(list(HydraConfig.get().overrides.task))
    return {override.key_or_group for override in overrides}
