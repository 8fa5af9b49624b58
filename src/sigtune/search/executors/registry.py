"""Which executor runs the jobs of which launcher. Every other launcher gets the sequential one.

A launcher's own `launch` waits for all the jobs it is given, and loses the results of all when one of them
kills its worker. A search needs less and more: start one, wait for any, survive any.
"""

from __future__ import annotations

import shutil
from importlib import import_module
from importlib.util import find_spec

from omegaconf import DictConfig, OmegaConf

from sigtune.errors import Problem
from sigtune.search.executors.protocol import Executor, Launch
from sigtune.search.executors.ray_address import ray_address

_PLUGINS = "hydra_plugins.hydra_"
_HERE = "sigtune.search.executors."
_RAY = _HERE + "ray.RayExecutor"
_SLURM = _PLUGINS + "submitit_launcher.submitit_launcher.SlurmLauncher"

# The launcher's `_target_` and its executor, by name: each needs an optional package, which is imported only
# with the launcher that brings it. An executor is called with the Launch and the number of slots.
EXECUTORS = {
    _PLUGINS + "joblib_launcher.joblib_launcher.JoblibLauncher": _HERE + "loky.LokyExecutor",
    _PLUGINS + "submitit_launcher.submitit_launcher.LocalLauncher": _HERE + "submitit.LocalExecutor",
    _SLURM: _HERE + "submitit.SlurmExecutor",
    _HERE + "loky.LokyExecutor": _HERE + "loky.LokyExecutor",
    _RAY: _RAY,
}

_ON_THIS_MACHINE = {
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    _PLUGINS + "joblib_launcher.joblib_launcher.JoblibLauncher",
    _PLUGINS + "submitit_launcher.submitit_launcher.LocalLauncher",
    _HERE + "loky.LokyExecutor",
}


def runs_elsewhere(config: DictConfig) -> bool:
    """Return whether jobs run on other machines than this, as far as the launcher's config tells."""
    launcher = config.hydra.launcher
    if launcher._target_ == _RAY:
        return ray_address(launcher.ray.init or {}) is not None
    return launcher._target_ not in _ON_THIS_MACHINE


def launcher_problems(config: DictConfig) -> list[Problem]:
    """Return what the launcher lacks on this machine, and what is wrong with the options of Ray's.

    Those of the others are checked by their own configs.
    """
    target = config.hydra.launcher._target_
    if target == _SLURM and not (shutil.which("sbatch") and shutil.which("srun")):
        remedy = "a login node of the cluster, or hydra/launcher=submitit_local"
        return [Problem("hydra/launcher=submitit_slurm", "no sbatch and srun on this machine", remedy)]
    if target != _RAY:
        return []
    if find_spec("ray") is None:
        return [Problem("hydra/launcher=ray", "Ray is not installed", "pip install 'sigtune[ray]'")]
    from sigtune.search.executors.ray_cluster import option_problems

    options = OmegaConf.to_container(config.hydra.launcher.ray, resolve=True)
    assert isinstance(options, dict)
    return option_problems({str(name): value for name, value in options.items()})


def choose_executor(launch: Launch, slots: int) -> Executor:
    """Return the executor for the configured launcher, with as many of `slots` as it can run at once."""
    name = EXECUTORS.get(launch.config.hydra.launcher._target_, _HERE + "sequential.SequentialExecutor")
    module, _, attribute = name.rpartition(".")
    executor: Executor = getattr(import_module(module), attribute)(launch, slots)
    return executor
