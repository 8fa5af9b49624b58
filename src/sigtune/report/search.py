"""The report of a search as it ends: of its own observations, with no question to SigOpt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sigtune.definition.experiment import definition_from_json
from sigtune.report.content import Background
from sigtune.report.observed import Observed
from sigtune.report.results import NumberedObservation, Results
from sigtune.report.series.model import is_model_loaded
from sigtune.report.write import write_report


def write_search_report(
    folder: Path,
    experiment: Mapping[str, Any],
    observations: Sequence[Observed],
    again: Sequence[tuple[Observed, str]],
) -> Path:
    """Write the report of the observations, oldest first, and return the path of report.html.

    `experiment` is SigOpt's Experiment object as JSON; `again` has the best observations, each with the
    command that trains it again.
    """
    numbers = {id(observed): number for number, observed in enumerate(observations, start=1)}
    background = Background(
        facts=experiment_facts(experiment, folder),
        folders={numbers[id(each)]: each.folder for each in observations if each.folder},
        commands={numbers[id(observed)]: command for observed, command in again},
        draws_model=is_model_loaded(),
    )
    return write_report(folder, _results(experiment, observations), background)[0]


def experiment_facts(experiment: Mapping[str, Any], folder: Path | None) -> list[tuple[str, str]]:
    """Return what identifies an experiment, by what it is called."""
    facts = {"experiment": experiment["id"], "project": experiment.get("project"), "folder": folder}
    return [(name, str(value)) for name, value in facts.items() if value is not None]


def _results(experiment: Mapping[str, Any], observations: Sequence[Observed]) -> Results:
    numbered = (
        NumberedObservation(
            assignments=dict(observed.assignments),
            values=observed.values,
            task=observed.task,
            stddevs=observed.deviations,
            number=number,
            job=observed.number,
            reason=observed.reason,
        )
        for number, observed in enumerate(observations, start=1)
    )
    return Results(str(experiment["name"]), definition_from_json(experiment), tuple(numbered))
