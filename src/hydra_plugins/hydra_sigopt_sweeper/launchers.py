"""The launchers of our own, for the sweeper `sigopt` alone: `joblib` over loky, `ray` over Ray itself."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from hydra.core.config_store import ConfigStore


@dataclass
class JoblibLauncherConf:
    """A process for each slot; `n_jobs` is the most that run at once, -1 as many as there are slots."""

    _target_: str = "sigtune.search.executors.loky.LokyExecutor"
    n_jobs: int = -1


@dataclass
class RayConf:
    """`init` are arguments of `ray.init`, `remote` options of `ray.remote`, such as num_cpus and num_gpus."""

    init: dict[str, Any] = field(default_factory=lambda: {"address": None})
    remote: dict[str, Any] = field(default_factory=dict)


@dataclass
class RayLauncherConf:
    """A Ray task for each run. Without an address Ray is started on this machine for the search."""

    _target_: str = "sigtune.search.executors.ray.RayExecutor"
    ray: RayConf = field(default_factory=RayConf)


ConfigStore.instance().store(
    group="hydra/launcher", name="ray", node=RayLauncherConf, provider="hydra_sigopt_sweeper"
)

# Hydra's plugin of the same name, where it is installed, serves other sweepers too.
if find_spec("hydra_plugins.hydra_joblib_launcher") is None:
    ConfigStore.instance().store(
        group="hydra/launcher", name="joblib", node=JoblibLauncherConf, provider="hydra_sigopt_sweeper"
    )
