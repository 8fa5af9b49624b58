"""What earlier sweeps did on the experiment: the observations, and suggestions that the journal lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sigtune.definition.metadata import SWEEP_ID_KEY
from sigtune.report.observed import Observed
from sigtune.search.jobs import Job
from sigtune.search.journal import Journal
from sigtune.tuning.experiment import SigOptExperiment


def earlier_observations(
    experiment: SigOptExperiment, journal: Journal, overrides_for: Callable[[Any], list[str]]
) -> list[Observed]:
    """Return every observation of the experiment, oldest first.

    One that is not of this folder is somebody else's: `overrides_for` says what would train it here.
    """
    jobs = {job.suggestion: job for job in journal.jobs.values()}

    def observed(observation: Any) -> Observed:
        job: Job | None = jobs.get(str(observation.suggestion))
        reported = observation.values or []
        return Observed(
            job.number if job else None,
            dict(observation.assignments),
            None if observation.failed else {value.name: value.value for value in reported},
            str((observation.metadata or {}).get("reason", "")),
            job.overrides if job else overrides_for(observation),
            journal.job_folder(job.number) if job else None,
            {value.name: value.value_stddev for value in reported if value.value_stddev is not None},
            observation.task.name if observation.task else None,
        )

    return [observed(entry) for entry in reversed(list(experiment.observations()))]


def drawn_but_not_recorded(open_suggestions: Iterable[Any], journal: Journal) -> list[Any]:
    """Return the suggestions that a sweep in this folder drew and died before the journal had them.

    `open_suggestions` come newest first, what is returned oldest first.
    """
    known = {job.suggestion for job in journal.jobs.values()}
    unknown = [entry for entry in open_suggestions if str(entry.id) not in known]
    return [entry for entry in reversed(unknown) if is_drawn_by(journal, entry)]


def is_drawn_by(journal: Journal, suggestion: Any) -> bool:
    """Return whether the sweep of this journal asked for the suggestion."""
    return bool((suggestion.metadata or {}).get(SWEEP_ID_KEY) == journal.sweep_id)
