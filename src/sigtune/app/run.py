"""What `python train.py` does with a composed config: create an experiment, work for one, or train."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from sigtune.config.keys import missing_keys
from sigtune.config.schema import Config
from sigtune.errors import Problem, UsageError
from sigtune.invocation import config_options, exit_with
from sigtune.job.stop import stop_file


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
        _remove_untouched_folder(Path(HydraConfig.get().runtime.output_dir))
        exit_with(error)


def _remove_untouched_folder(folder: Path) -> None:
    """Remove the run's folder, and the empty ones above it, where only Hydra has written into it."""
    hydra = HydraConfig.get()
    written = {f"{hydra.job.name}.log", hydra.output_subdir}
    start = Path(hydra.runtime.cwd)
    if start not in folder.parents or not {path.name for path in folder.iterdir()} <= written:
        return
    shutil.rmtree(folder)
    for parent in folder.parents:
        if parent == start or any(parent.iterdir()):
            return
        parent.rmdir()


def check(cfg: DictConfig) -> list[Problem]:
    """Return why this machine cannot train the config; the sweeper asks before it draws a suggestion."""
    from sigtune.training.devices import device_problems
    from sigtune.training.resume import resume_problems

    problems = device_problems(cfg.trainer.gpus) + resume_problems(cfg.trainer.resume)
    if not OmegaConf.is_missing(cfg.trainer, "max_epochs") and cfg.trainer.max_epochs < 1:
        epochs = cfg.trainer.max_epochs
        problems.append(Problem(f"trainer.max_epochs={epochs}", "expected 1 or more", "trainer.max_epochs=1"))
    return problems


def run_problems(cfg: DictConfig, overridden: Collection[str]) -> list[Problem]:
    """Return everything that is wrong with a single run of the config; nothing is created or trained.

    `overridden` are the config keys given on the command line.
    """
    if cfg.sigopt.create:
        return _creation_problems(cfg, overridden)
    search = (
        _worker_problems(cfg, overridden) if cfg.sigopt.experiment_id is not None else _plain_problems(cfg)
    )
    return search + check(cfg)


def _creation_problems(cfg: DictConfig, overridden: Collection[str]) -> list[Problem]:
    from sigtune.checks.search import search_problems

    problems = search_problems(cfg, cfg.sigopt, overridden)
    if cfg.sigopt.experiment_id is not None:
        problems.append(
            Problem(
                "sigopt.create=true", "given with an experiment_id, which exists", "leave one of them out"
            )
        )
    return problems


def _worker_problems(cfg: DictConfig, overridden: Collection[str]) -> list[Problem]:
    from sigtune.checks.search import mapping_problems, search_problems
    from sigtune.tuning.creation import open_experiment
    from sigtune.tuning.experiment import parameters_of

    problems = search_problems(cfg, cfg.sigopt, overridden)
    if problems:
        return problems
    try:
        experiment = open_experiment(cfg.sigopt)
    except UsageError as error:
        return list(error.problems)
    parameters = parameters_of(experiment.get_experiment_details())
    return mapping_problems(cfg, experiment, parameters, overridden)


def _plain_problems(cfg: DictConfig) -> list[Problem]:
    from sigtune.checks.search import definition_problems, unread_problems
    from sigtune.tuning.block import experiment_definition, has_search
    from sigtune.tuning.experiment_class import experiment_class

    problems = definition_problems(cfg.sigopt) if has_search(cfg.sigopt) else []
    if problems:
        return problems  # where the parameters are wrong, what they give a value cannot be told
    try:
        _, problems = with_default_values(cfg)
        parameters = experiment_definition(cfg.sigopt)["parameters"]
        return problems + unread_problems(cfg, experiment_class(cfg.sigopt)(), parameters)
    except UsageError as error:
        return list(error.problems)


def _run(cfg: DictConfig) -> dict[str, float] | None:
    if not in_sweep():
        # Here for a config of the user's own, in which RunCheck does not stand.
        problems = run_problems(cfg, overridden_keys(HydraConfig.get().overrides.task))
        if problems:
            raise UsageError(problems)
        if cfg.sigopt.create:
            _create(cfg)
            return None
        if cfg.sigopt.experiment_id is not None:
            return _work(cfg)
    filled, problems = with_default_values(cfg)
    if problems:
        raise UsageError(problems)
    metrics = _train(filled)
    if not in_sweep():
        print(f"trained  {_shown(metrics)} · {HydraConfig.get().runtime.output_dir}")
    return metrics


def _shown(metrics: Mapping[str, float]) -> str:
    # Lightning's LearningRateMonitor leaves the last learning rates among the metrics, as lr-OPTIMIZER.
    return " · ".join(f"{name} {value:.4f}" for name, value in metrics.items() if not name.startswith("lr-"))


def _create(cfg: DictConfig) -> None:
    from sigtune.tuning.connection import log_backend
    from sigtune.tuning.creation import creation_message, open_experiment

    log_backend(cfg.sigopt.backend)
    experiment = open_experiment(cfg.sigopt)
    call = [sys.argv[0], *config_options(sys.argv[1:])]
    print(creation_message(cfg.sigopt, experiment, call, list(HydraConfig.get().overrides.task)))


def _work(cfg: DictConfig) -> dict[str, float] | None:
    from sigtune.app.worker import run_one_suggestion
    from sigtune.tuning.connection import log_backend
    from sigtune.tuning.creation import open_experiment

    log_backend(cfg.sigopt.backend)
    return run_one_suggestion(cfg, open_experiment(cfg.sigopt), _train)


def _train(cfg: DictConfig) -> dict[str, float]:
    from sigtune.training.train import train

    config = OmegaConf.to_object(cfg)
    assert isinstance(config, Config)
    try:
        if in_sweep():
            return train(config, should_stop=stop_file(HydraConfig.get().sweep.dir).exists)
        return train(config, progress_bar=sys.stderr.isatty())
    except InstantiationException as error:
        if isinstance(error.__cause__, UsageError):  # of a class that the config names by _target_
            raise error.__cause__ from error
        raise
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # Lightning answers Ctrl-C with sys.exit(1)
            raise KeyboardInterrupt from error
        raise


def with_default_values(cfg: DictConfig) -> tuple[DictConfig, list[Problem]]:
    """Return the config with each tuned key that has no value set from its parameter's default value.

    The problems name every key that still has none, and the parameters that could have given it one.
    """
    from sigtune.checks.search import missing_values
    from sigtune.tuning.block import default_assignments, experiment_definition
    from sigtune.tuning.experiment_class import experiment_class
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


def overridden_keys(overrides: Iterable[str]) -> set[str]:
    """Return the config keys that the overrides of a command line give."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return {override.key_or_group for override in parsed}
