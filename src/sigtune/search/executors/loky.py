"""Runs on this machine, in a worker process for each slot: what `hydra/launcher=joblib` stands for."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for
from typing import Any

from loky.process_executor import BrokenProcessPool, ProcessPoolExecutor, ShutdownExecutorError

from sigtune.job.attempt import has_begun
from sigtune.job.outcome import Outcome
from sigtune.job.output import OUTPUT_NAME
from sigtune.job.task import RecordedTask
from sigtune.search.executors.last_words import with_last_words
from sigtune.search.executors.payload import RemoteRun, pack_app, run_in_worker
from sigtune.search.executors.protocol import Launch, Lost, RunResult
from sigtune.search.jobs import Run

# A worker that is idle so long ends, and a new one starts when needed.
_IDLE_SECONDS = 60

_NO_LEAK_CHECK = "1e18"

# Held in a worker while it runs a job.
_BUSY = threading.Lock()


class LokyExecutor:
    """One loky pool of one worker per slot: a worker that dies takes only its own run with it.

    Each worker sees the GPUs of its slot alone, and has its share of the cores.
    """

    in_process = False

    def __init__(self, launch: Launch, slots: int) -> None:
        at_once = launch.options["n_jobs"]
        self.slots = slots if at_once < 1 else min(slots, at_once)
        self._launch = launch
        self._app = pack_app(launch)
        self._gpus = visible_gpus()
        self._pools: dict[int, Any] = {}
        self._running: dict[Future[RunResult], Run] = {}
        for slot in range(1, self.slots + 1):
            self._pool(slot).submit(_import_app, launch.task)  # while the first suggestion is drawn

    def submit(self, run: Run) -> None:
        """Start the run in the worker of its slot."""
        remote = RemoteRun(self._app, run, self._launch.folder(run))
        try:
            future = self._pool(run.slot).submit(_run, remote)
        except (BrokenProcessPool, ShutdownExecutorError):  # its worker died while it was idle
            self._pools.pop(run.slot).shutdown(kill_workers=True)
            future = self._pool(run.slot).submit(_run, remote)
        self._running[future] = run

    def wait(self, seconds: float) -> list[tuple[Run, RunResult]]:
        """Wait for a worker to be done, or to die."""
        done, _ = wait_for(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        return [self._end(future) for future in done]

    def _end(self, future: Future[RunResult]) -> tuple[Run, RunResult]:
        run = self._running.pop(future)
        error = future.exception()
        if error is None:
            return run, future.result()
        self._pools.pop(run.slot).shutdown(kill_workers=True)
        return run, self._launch.outcome_of(run) or self._death(run, error)

    def _death(self, run: Run, error: BaseException) -> RunResult:
        """Return the result of a run whose worker died: whoever killed it, the job was in it.

        A job that takes all memory is killed by the kernel, from outside, so a kill is the job's failure.
        """
        folder = self._launch.folder(run)
        if not has_begun(folder, run.attempt):
            return Lost("its worker process died before the job had begun", has_begun=False)
        exit_code = re.search(r"exit codes of the workers are \{(.*?)\}", str(error))
        how = exit_code[1] if exit_code else type(error).__name__
        hint = ", as the kernel ends a process where memory runs out" if "SIGKILL" in how else ""
        reason = f"its worker process died ({how}{hint})"
        return Outcome(reason=with_last_words(reason, [folder / OUTPUT_NAME]), attempt=run.attempt)

    def reattach(self, run: Run, handle: str) -> bool:
        """Return False: a dead sweep's worker cannot be spoken to. Its run holds the lock on its folder."""
        return False

    def close(self, now: bool) -> None:
        """End the workers."""
        for pool in self._pools.values():
            pool.shutdown(wait=not now, kill_workers=now)

    def _pool(self, slot: int) -> Any:
        if slot not in self._pools:
            self._pools[slot] = ProcessPoolExecutor(
                max_workers=1,
                timeout=_IDLE_SECONDS,
                initializer=_prepare_worker,
                initargs=(os.getpid(),),
                env=slot_environment(slot - 1, self.slots, self._gpus),
            )
        return self._pools[slot]


def slot_environment(slot: int, slots: int, gpus: list[str]) -> dict[str, str]:
    """Return the environment of a slot's worker: its share of the GPUs, and of the cores.

    With fewer GPUs than slots, slots share them in turn.
    """
    threads = str(max(1, len(os.sched_getaffinity(0)) // slots))
    environment = {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", threads),
        # loky ends a worker that has grown by 300 MB since its first task, which a training always has.
        "LOKY_MAX_MEMORY_LEAK_SIZE": os.environ.get("LOKY_MAX_MEMORY_LEAK_SIZE", _NO_LEAK_CHECK),
    }
    if gpus:
        share = gpus[slot * len(gpus) // slots : (slot + 1) * len(gpus) // slots]
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(share or [gpus[slot % len(gpus)]])
    return environment


def visible_gpus() -> list[str]:
    """Return the GPUs that CUDA may use on this machine, as CUDA_VISIBLE_DEVICES names them."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name.strip()]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    listed = subprocess.run([program, "--list-gpus"], capture_output=True, text=True, check=False)  # noqa: S603
    return [str(index) for index in range(listed.stdout.count("GPU "))]


def _prepare_worker(sweep: int) -> None:
    # Ctrl-C reaches every process of the terminal; the sweep alone decides what happens to the jobs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # loky's own kind of process cannot start the workers of a DataLoader.
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
    threading.Thread(target=_outlive_by_one_run, args=(sweep,), daemon=True).start()


def _outlive_by_one_run(sweep: int) -> None:
    """End this worker when the sweep has died and the run that it left is done."""
    while os.getppid() == sweep:
        time.sleep(1)
    with _BUSY:
        os._exit(0)


def _run(run: RemoteRun) -> RunResult:
    with _BUSY:
        return run_in_worker(run)


def _import_app(task: RecordedTask) -> None:
    """Do nothing: to be handed the task, the worker has imported what it needs."""
