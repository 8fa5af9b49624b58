"""Report a job's result to SigOpt as an observation, once, also where an answer gets lost."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sigopt.exception import ApiException

from sigtune.search.jobs import Job, JobResult
from sigtune.tuning.experiment import SigOptExperiment

_LONGEST_REASON = 500


def report_observation(experiment: SigOptExperiment, job: Job, result: JobResult) -> None:
    """Make the job's result the observation of its suggestion."""
    metadata: dict[str, Any] = {"job": job.number}
    if result.reason:
        metadata["reason"] = result.reason[:_LONGEST_REASON]
    try:
        experiment.update_observation(job.suggestion, result.values, metadata, result.deviations)
    except ApiException as error:
        # A report whose answer was lost is sent again, and refused because it had arrived.
        is_refused = error.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT)
        if not is_refused or _is_open(experiment, job.suggestion):
            raise


def _is_open(experiment: SigOptExperiment, suggestion: str) -> bool:
    return suggestion in {str(entry.id) for entry in experiment.open_suggestions()}
