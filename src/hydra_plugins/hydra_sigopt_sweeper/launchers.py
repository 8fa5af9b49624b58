"""The launchers that are ours: `hydra/launcher=ray`, over Ray itself, for the sweeper `sigopt` alone."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore


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
