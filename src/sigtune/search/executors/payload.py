"""A run as a worker process gets it, by pickle, and the result that it gives back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from sigtune.errors import JobStoppedError
from sigtune.job.metric_values import failure_reason
from sigtune.job.outcome import Outcome
from sigtune.job.task import JobFailedError, RecordedTask
from sigtune.search.executors.protocol import Launch, Lost, RunResult
from sigtune.search.jobs import Run


@dataclass(frozen=True)
class RemoteRun:
    """Everything a process needs to compose and run one Hydra job."""

    context: HydraContext
    config: DictConfig
    task: RecordedTask
    singletons: dict[Any, Any]
    overrides: Sequence[str]
    number: int

    def __call__(self) -> RunResult:
        """Run the job and return its result."""
        Singleton.set_state(self.singletons)
        setup_globals()
        config = self.context.config_loader.load_sweep_config(self.config, list(self.overrides))
        with open_dict(config):
            config.hydra.job.id = _scheduler_job_id() or str(self.number)
            config.hydra.job.num = self.number
        return result_of(
            run_job(
                hydra_context=self.context,
                task_function=self.task,
                config=config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
            )
        )

    def checkpoint(self) -> Any:
        """Tell submitit what to submit again after a preemption: the same, for it resumes by itself."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def remote_run(launch: Launch, run: Run) -> RemoteRun:
    """Pack the run up for a worker."""
    return RemoteRun(
        launch.context, launch.config, launch.task, Singleton.get_state(), run.overrides, run.job.number
    )


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
