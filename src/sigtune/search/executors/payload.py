"""A run as a worker process gets it, by pickle, and the result that it gives back."""

from __future__ import annotations

import copyreg
import os
import pickle
from contextlib import suppress
from dataclasses import MISSING, dataclass, replace
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from sigtune.errors import JobStoppedError
from sigtune.job.attempt import mark_begun
from sigtune.job.metric_values import failure_reason
from sigtune.job.outcome import Outcome
from sigtune.job.output import output_in
from sigtune.job.task import JobFailedError, RecordedTask, write_traceback
from sigtune.job.termination import announce_termination, exit_on_sigterm
from sigtune.search.executors.protocol import Launch, Lost, RunResult
from sigtune.search.jobs import Run

# By itself a copy arrives of what a dataclass of the app's script has for no default, and OmegaConf, which
# asks for the one there is, takes it for a value.
copyreg.pickle(type(MISSING), lambda _: "MISSING")


@dataclass(frozen=True)
class _App:
    """What all runs of a sweep have in common: Hydra, the app's config, and its task."""

    context: HydraContext
    config: DictConfig
    task: RecordedTask
    singletons: dict[Any, Any]


def pack_app(launch: Launch) -> bytes:
    """Return the app as its runs carry it: pickled once, as that takes tens of milliseconds."""
    app = _App(launch.context, launch.config, launch.task, Singleton.get_state())
    packed: bytes = cloudpickle.dumps(app)
    return packed


@dataclass(frozen=True)
class RemoteRun:
    """Everything a process needs to compose and run one Hydra job; `app` is what `pack_app` made."""

    app: bytes
    run: Run
    folder: Path

    def __call__(self) -> RunResult:
        """Run the job, with what it prints going to its folder, and return its result."""
        mark_begun(self.folder, self.run.attempt)
        with output_in(self.folder):
            try:
                app, config = self._unpacked()
            except Exception as error:  # noqa: BLE001 - whatever the app's modules and its configs raise
                write_traceback(self.folder)
                return Outcome(reason=failure_reason(error), attempt=self.run.attempt)
            return result_of(
                run_job(
                    hydra_context=app.context,
                    task_function=replace(app.task, attempt=self.run.attempt),
                    config=config,
                    job_dir_key="hydra.sweep.dir",
                    job_subdir_key="hydra.sweep.subdir",
                )
            )

    def _unpacked(self) -> tuple[_App, DictConfig]:
        """Return the app and the config of this run."""
        app: _App = pickle.loads(self.app)  # noqa: S301 - the sweep's own, through its engine
        Singleton.set_state(app.singletons)
        setup_globals()
        config = app.context.config_loader.load_sweep_config(app.config, self.run.overrides)
        number = self.run.job.number
        with open_dict(config):
            config.hydra.job.id = _scheduler_job_id() or str(number)
            config.hydra.job.num = number
        return app, config


@dataclass(frozen=True)
class SubmittedRun:
    """A run as submitit submits it, which makes the file `ended` when it is done.

    So a sweep that looks at one folder knows of all its jobs which have ended.
    """

    remote: RemoteRun
    ended: Path

    def __call__(self) -> RunResult:
        """Run the job and return its result."""
        result = self.remote()
        with suppress(OSError):  # the sweep learns of it from Slurm, later
            self.ended.touch()
        return result

    def checkpoint(self) -> Any:
        """Tell submitit, which is about to end this process, what to submit again: the same attempt.

        It resumes from its checkpoint by itself.
        """
        from submitit.helpers import DelayedSubmission

        announce_termination()
        return DelayedSubmission(self)


def run_in_worker(run: RemoteRun) -> RunResult:
    """Run it in a process that an engine keeps for several runs. Where SIGTERM ends that, the run is lost."""
    exit_on_sigterm()
    try:
        return run()
    except SystemExit:
        return Lost("its worker was terminated")


def result_of(job: JobReturn) -> RunResult:
    """Return the result of a Hydra job that ran a RecordedTask.

    `JobReturn.return_value` would print and raise the error of a job that failed.
    """
    returned: Any = job._return_value
    if job.status == JobStatus.COMPLETED:
        assert isinstance(returned, Outcome)
        return returned
    if isinstance(returned, JobFailedError):
        return returned.outcome
    if isinstance(returned, JobStoppedError):
        return Lost(failure_reason(returned))
    return Outcome(reason=failure_reason(returned))  # raised around the task, before it had begun or after


def _scheduler_job_id() -> str | None:
    return os.environ.get("SLURM_JOB_ID") or os.environ.get("SUBMITIT_LOCAL_JOB_ID")
