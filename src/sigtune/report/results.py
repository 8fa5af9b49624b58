"""An experiment and its observations, as figures are drawn of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sigtune.definition import ranking
from sigtune.definition.experiment import ExperimentDefinition, Observation, definition_from_json
from sigtune.definition.metrics import UNNAMED


@dataclass(frozen=True)
class NumberedObservation(Observation):
    """An observation with its `number`, from 1 in the order they were made.

    `id` is SigOpt's, None where it is not known; `job` the number of the job of a search that made it. A
    failed one may have a `reason`.
    """

    number: int = 0
    id: str | None = None
    job: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Results:
    """An experiment by `name`, what it is, and all its observations, the oldest first."""

    name: str
    definition: ExperimentDefinition
    observations: tuple[NumberedObservation, ...]

    @cached_property
    def best(self) -> tuple[NumberedObservation, ...]:
        """The best observations, as SigOpt has them: one, a Pareto front, or several solutions."""
        return tuple(ranking.best_of_experiment(self.observations, self.definition))

    @property
    def succeeded(self) -> list[NumberedObservation]:
        """The observations that did not fail."""
        return [observation for observation in self.observations if observation.values is not None]


def results_from_json(experiment: Mapping[str, Any], observations: Iterable[Mapping[str, Any]]) -> Results:
    """Build results from SigOpt's objects, as `to_json()` of the official client gives them.

    The observations come the oldest first; the client's pages have the newest first.
    """
    numbered = tuple(_observation(number, item) for number, item in enumerate(observations, start=1))
    return Results(str(experiment["name"]), definition_from_json(experiment), numbered)


def _observation(number: int, observation: Mapping[str, Any]) -> NumberedObservation:
    metadata = observation.get("metadata") or {}
    values, job, task = observation["values"], metadata.get("job"), observation.get("task")
    return NumberedObservation(
        assignments=dict(observation["assignments"]),
        values=None if observation["failed"] else {item["name"] or UNNAMED: item["value"] for item in values},
        task=task["name"] if isinstance(task, Mapping) else task,
        stddevs={
            item["name"] or UNNAMED: item["value_stddev"]
            for item in values
            if item.get("value_stddev") is not None
        },
        number=number,
        id=str(observation["id"]),
        job=int(job) if isinstance(job, int | float) and float(job).is_integer() else None,
        reason=str(metadata.get("reason") or ""),
    )
