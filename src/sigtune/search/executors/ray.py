"""Runs as Ray tasks, with the options of `hydra/launcher=ray`: `ray.init` and `ray.remote`.

A task ends with its node and with its driver: then it is lost. One whose worker dies while its node lives was
ended by its job.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import (
    LocalRayletDiedError,
    NodeDiedError,
    ObjectLostError,
    RayError,
    RaySystemError,
    TaskCancelledError,
    WorkerCrashedError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sigtune.job.metric_values import failure_reason
from sigtune.job.outcome import Outcome
from sigtune.job.output import OUTPUT_NAME
from sigtune.search.executors.last_words import with_last_words
from sigtune.search.executors.payload import RemoteRun, pack_app, run_in_worker
from sigtune.search.executors.protocol import Launch, Lost, RunResult
from sigtune.search.executors.ray_cluster import alive_nodes, connect, is_alive, task_options
from sigtune.search.jobs import Run

log = logging.getLogger(__name__)

_LOST = (LocalRayletDiedError, NodeDiedError, ObjectLostError, RaySystemError, TaskCancelledError)


@dataclass(frozen=True)
class _Submission:
    run: Run
    nodes: frozenset[str]  # those that were alive


class RayExecutor:
    """A Ray task for each run; Ray places it by `num_cpus` and `num_gpus` of the launcher's `remote`."""

    in_process = False

    def __init__(self, launch: Launch, slots: int) -> None:
        self.slots = slots
        self._launch = launch
        self._app = pack_app(launch)
        self._running: dict[Any, _Submission] = {}
        self._task: Any = None
        self._owns_ray = False
        self._probe: Path | None = None
        self._probes: dict[Any, str] = {}

    def submit(self, run: Run) -> None:
        """Hand the run to Ray, which the first one joins or starts."""
        if self._task is None:
            self._connect()
        alive = frozenset(node["NodeID"] for node in alive_nodes())
        task = self._task.remote(RemoteRun(self._app, run, self._launch.folder(run)))
        self._running[task] = _Submission(run, alive)

    def _connect(self) -> None:
        options = self._launch.options["ray"]
        self._owns_ray = connect(options)
        self._task = task_options(options["remote"] or {})(run_in_worker)
        self._start_probes(Path(self._launch.config.hydra.sweep.dir))

    def wait(self, seconds: float) -> list[tuple[Run, RunResult]]:
        """Wait for a task to end, in whatever way."""
        self._read_probes()
        if not self._running:
            return []
        done, _ = ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return [self._end(task) for task in done]

    def _end(self, task: Any) -> tuple[Run, RunResult]:
        submission = self._running.pop(task)
        run = submission.run
        try:
            result: RunResult = ray.get(task)
        except RayError as error:
            result = self._launch.outcome_of(run) or self._result_of(error, submission)
        return run, result

    def _result_of(self, error: Exception, submission: _Submission) -> RunResult:
        reason = failure_reason(error)
        if isinstance(error, _LOST):
            return Lost(reason)
        if isinstance(error, WorkerCrashedError) and not all(map(is_alive, submission.nodes)):
            return Lost("a node of the cluster died")
        logs = [self._launch.folder(submission.run) / OUTPUT_NAME]
        return Outcome(reason=with_last_words(reason, logs), attempt=submission.run.attempt)

    def reattach(self, run: Run, handle: str) -> bool:
        """Return False: Ray ends the tasks of a driver that has died."""
        return False

    def close(self, now: bool) -> None:
        """End what still runs, and the Ray that this sweep started or joined."""
        for task in self._running if now else ():
            ray.cancel(task, force=True)
        self._end_probes()
        if self._owns_ray:
            ray.shutdown()

    # --- whether every node sees the sweep's folder ---

    def _start_probes(self, folder: Path) -> None:
        nodes = alive_nodes()
        if len(nodes) == 1:
            return
        self._probe = folder / f"probe.{uuid.uuid4().hex}"
        self._probe.touch()
        look = ray.remote(num_cpus=0, max_retries=0)(_is_there)
        for node in nodes:
            here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = look.options(scheduling_strategy=here).remote(str(self._probe))
            self._probes[task] = node["NodeManagerAddress"]

    def _read_probes(self) -> None:
        if not self._probes:
            return
        done, waiting = ray.wait(list(self._probes), num_returns=len(self._probes), timeout=0)
        if waiting:
            return
        without = sorted({self._probes[task] for task in done if _value(task) is False})
        if without:
            log.warning(
                "the sweep's folder is not shared with %s: outcomes of jobs there come back through Ray, but "
                "their checkpoints and logs stay there",
                ", ".join(without),
            )
        self._end_probes()

    def _end_probes(self) -> None:
        self._probes = {}
        if self._probe is not None:
            self._probe.unlink(missing_ok=True)
            self._probe = None


def _is_there(path: str) -> bool:
    return Path(path).exists()


def _value(task: Any) -> Any:
    try:
        return ray.get(task)
    except RayError:
        return None
