"""`hydra_app`: one decorator that gives a Hydra application a search, workers, and its errors in one list."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from sigtune.app.main import main
from sigtune.app.run import run
from sigtune.app.run_check import check_runs_by
from sigtune.checks.config_source import ConfigSource
from sigtune.checks.preflight import Check, preflight
from sigtune.checks.targets import target_argument_problems
from sigtune.config.hydra_version import VERSION_BASE

# Where configs are dataclasses, the function says which instead of DictConfig.
Task = Callable[[Any], Any]


def hydra_app(
    config_path: str | None = None,
    config_name: str | None = None,
    *,
    check: Check = target_argument_problems,
    version_base: str | None = None,
    execution_whitelist: Any = None,
) -> Callable[[Task], Callable[..., Any]]:
    """Decorate the function that a Hydra app runs, in the place of `@hydra.main`, whose arguments these are.

    The function is given the composed config, and returns its metrics: a mapping of names to floats, one
    float, or a sequence in the order of the metrics of the `sigopt` block. The app has what train.py has:

    - `-m hydra/sweeper=sigopt` searches; with `sigopt.experiment_id=ID` it resumes that search
    - `sigopt.create=true` creates the experiment; `sigopt.experiment_id=ID` alone trains one suggestion
    - without either, each tuned key is given its parameter's default value
    - what is wrong with a config is told as one list before anything is run; exit codes as in
      `sigtune.app.main`

    `check` returns what is wrong with a config besides: by itself it looks the arguments of each `_target_`
    up in the signature of what that names. `execution_whitelist` is for Hydra 1.4 and newer alone.
    """
    if callable(config_path):
        raise TypeError("write @hydra_app(), with parentheses")

    def decorate(task: Task) -> Callable[..., Any]:
        @preflight(check)
        @functools.wraps(task)
        def run_task(config: DictConfig) -> Any:
            return run(config, task, check)

        source = ConfigSource(Path(inspect.getfile(task)).parent, config_path, config_name)
        # Of a module that is imported, an entry point's, Hydra takes only a folder that is a package itself.
        folder = source.folder(None)
        path = config_path if folder is None else str(folder.resolve())
        options = VERSION_BASE if version_base is None else {"version_base": version_base}
        if execution_whitelist is not None:
            options = {**options, "execution_whitelist": execution_whitelist}
        entry = hydra.main(config_path=path, config_name=config_name, **options)(run_task)

        @functools.wraps(task)
        def run_app(config: DictConfig | None = None) -> Any:
            if config is not None:
                return task(config)
            check_runs_by(check)
            return main(entry, source, check)

        return run_app

    return decorate
