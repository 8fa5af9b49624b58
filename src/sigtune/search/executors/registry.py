"""How runs reach the user's launcher. Each kind of launcher has an executor; this chooses it.

A launcher's own `launch` waits for all the jobs it is given, and loses the results of all when one of them
kills its worker. A search needs less and more: start one, wait for any, survive any.
"""

from __future__ import annotations

from collections.abc import Callable

from hydra.core.plugins import Plugins

from sigtune.search.executors.protocol import Executor, Launch


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
    from sigtune.search.executors.sequential import OneByOneExecutor

    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=launch.context, task_function=launch.task, config=launch.config
    )
    return OneByOneExecutor(launcher)


# Each of these needs an optional package, imported only with the launcher that brings it.
def _loky(launch: Launch, slots: int) -> Executor:
    from sigtune.search.executors.loky import LokyExecutor

    return LokyExecutor(launch, slots)


def _submitit_local(launch: Launch, slots: int) -> Executor:
    from sigtune.search.executors.submitit import SubmititExecutor

    return SubmititExecutor(launch, slots, "local")


def _submitit_slurm(launch: Launch, slots: int) -> Executor:
    from sigtune.search.executors.submitit import SubmititExecutor

    return SubmititExecutor(launch, slots, "slurm")


def _ray(launch: Launch, slots: int) -> Executor:
    from sigtune.search.executors.ray import RayExecutor

    return RayExecutor(launch, slots)
