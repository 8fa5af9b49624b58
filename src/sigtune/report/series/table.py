"""The table of all observations, which every figure takes its points from."""

from __future__ import annotations

from collections.abc import Sequence

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.ranking import is_feasible
from sigtune.report.results import NumberedObservation, Results
from sigtune.report.series.axes import Json, category_column, metric_column, number_column


def table_of(results: Results, most_cells: int | None = None) -> Json:
    """Return the table of the observations; of so many cells at most, evenly thinned but for the best."""
    definition = results.definition
    rows = _thinned(results, most_cells) if most_cells is not None else results.observations
    return {
        "number": [row.number for row in rows],
        "id": [row.id for row in rows],
        "job": [row.job for row in rows],
        "failed": [row.values is None for row in rows],
        "reason": [row.reason for row in rows],
        "feasible": [is_feasible(row.values, definition.metrics) for row in rows],
        "task": [row.task for row in rows],
        "total": len(results.observations),
        "columns": _columns(definition, rows),
    }


def _columns(definition: ExperimentDefinition, rows: Sequence[NumberedObservation]) -> list[Json]:
    columns = [category_column(item, item.values, rows) for item in definition.conditionals]
    for parameter in definition.parameters:
        if parameter.categories is None:
            columns.append(number_column(parameter, rows))
        else:
            columns.append(category_column(parameter, parameter.categories, rows))
    return columns + [metric_column(metric, rows) for metric in definition.metrics]


def _thinned(results: Results, most_cells: int) -> Sequence[NumberedObservation]:
    definition, observations = results.definition, results.observations
    width = len(definition.parameters) + len(definition.conditionals) + len(definition.metrics)
    most = max(1, most_cells // width)
    if len(observations) <= most:
        return observations
    kept = {observation.number for observation in results.best[:most]}
    kept |= {observations[index * len(observations) // most].number for index in range(most - len(kept))}
    return [observation for observation in observations if observation.number in kept]
