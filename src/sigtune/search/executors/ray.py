"""Runs as Ray tasks, with the options of `hydra/launcher=ray`."""

from __future__ import annotations

from typing import Any

import ray

from sigtune.job.metric_values import failure_reason
from sigtune.search.executors.payload import RemoteRun, remote_run
from sigtune.search.executors.protocol import Launch, RunResult
from sigtune.search.jobs import Run


class RayExecutor:
    """A Ray task for each run; Ray places it by `num_cpus` and `num_gpus` of the launcher's `remote`."""

    in_process = False

    def __init__(self, launch: Launch, slots: int) -> None:
        self.slots = slots
        self._launch = launch
        self._running: dict[Any, Run] = {}
        options = launch.options["ray"]
        self._owns_ray = not ray.is_initialized()
        if self._owns_ray:
            ray.init(**{"log_to_driver": False, **(options["init"] or {})})
        # Ray would run a task whose worker died again by itself, behind the search's back.
        self._task = ray.remote(**{**(options["remote"] or {}), "max_retries": 0})(_run)

    def submit(self, run: Run) -> str:
        """Hand the run to Ray."""
        self._running[self._task.remote(remote_run(self._launch, run))] = run
        return ""

    def wait(self, seconds: float) -> list[tuple[Run, RunResult]]:
        """Wait for a task to end, in whatever way."""
        if not self._running:
            return []
        done, _ = ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return [self._end(task) for task in done]

    def _end(self, task: Any) -> tuple[Run, RunResult]:
        run = self._running.pop(task)
        try:
            result: RunResult = ray.get(task)
        except Exception as error:  # noqa: BLE001 - whatever ended the task is why the run is lost
            return run, self._launch.result_in_folder(run, failure_reason(error))
        return run, result

    def reattach(self, run: Run, handle: str) -> bool:
        """Return False: Ray ends the tasks of a driver that has died."""
        return False

    def close(self, now: bool) -> None:
        """End what still runs, and the Ray that this sweep started or joined."""
        for task in self._running if now else ():
            ray.cancel(task, force=True)
        if self._owns_ray:
            ray.shutdown()


def _run(run: RemoteRun) -> RunResult:
    return run()
