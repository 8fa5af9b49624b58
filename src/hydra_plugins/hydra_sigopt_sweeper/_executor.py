"""How runs reach the user's launcher. Each kind of launcher has an executor; this chooses it.

A launcher's own `launch` waits for all the jobs it is given, and loses the results of all when one of them
kills its worker. A search needs less and more: start one, wait for any, survive any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from ._job import Run
from ._recorded_task import RecordedTask


class Executor(Protocol):
    """Runs jobs in up to `slots` places at once. What a run came to is read from its folder."""

    slots: int

    def submit(self, run: Run) -> str:
        """Start the run, or carry it out where the launcher can do no other.

        Returns the name by which `reattach` would find it after the sweep has died, "" for none.
        """

    def wait(self, seconds: float) -> list[tuple[Run, str]]:
        """Wait up to so long for a run to end; return those that did, with the launcher's error or ""."""

    def reattach(self, run: Run, handle: str) -> bool:
        """Take on a run that an earlier process of this sweep submitted; False where it does not run."""

    def close(self, now: bool) -> None:
        """Let go of the workers, with `now` by ending what they do."""


@dataclass(frozen=True)
class Launch:
    """What Hydra hands a launcher: the app, and the config it is called with."""

    context: HydraContext
    task: RecordedTask
    config: DictConfig

    @property
    def options(self) -> dict[str, Any]:
        """The config of the user's launcher, resolved."""
        options = OmegaConf.to_container(self.config.hydra.launcher, resolve=True)
        assert isinstance(options, dict)
        return {str(name): value for name, value in options.items()}


def choose_executor(launch: Launch, slots: int) -> Executor:
    """Return the executor for the configured launcher, with as many of `slots` as it can run at once."""
    plugins = "hydra_plugins.hydra_"
    executors: dict[str, Callable[[Launch, int], Executor]] = {
        plugins + "joblib_launcher.joblib_launcher.JoblibLauncher": _loky,
        plugins + "submitit_launcher.submitit_launcher.LocalLauncher": _submitit_local,
        plugins + "submitit_launcher.submitit_launcher.SlurmLauncher": _submitit_slurm,
        plugins + "ray_launcher.ray_launcher.RayLauncher": _ray,
    }
    return executors.get(launch.config.hydra.launcher._target_, _one_by_one)(launch, slots)


def _one_by_one(launch: Launch, slots: int) -> Executor:
    from ._one_by_one_executor import OneByOneExecutor

    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=launch.context, task_function=launch.task, config=launch.config
    )
    return OneByOneExecutor(launcher)


# Each of these needs an optional package, imported only with the launcher that brings it.
def _loky(launch: Launch, slots: int) -> Executor:
    from ._loky_executor import LokyExecutor

    return LokyExecutor(launch, slots)


def _submitit_local(launch: Launch, slots: int) -> Executor:
    from ._submitit_executor import SubmititExecutor

    return SubmititExecutor(launch, slots, "local")


def _submitit_slurm(launch: Launch, slots: int) -> Executor:
    from ._submitit_executor import SubmititExecutor

    return SubmititExecutor(launch, slots, "slurm")


def _ray(launch: Launch, slots: int) -> Executor:
    from ._ray_executor import RayExecutor

    return RayExecutor(launch, slots)
