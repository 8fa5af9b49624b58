"""What a store is asked of an experiment again and again, read from its rows once for each revision."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy.orm import object_session

from sigtune.backend.definitions import read_definition, task_json
from sigtune.backend.requests import Json
from sigtune.backend.tables import ExperimentRow, ParameterRow
from sigtune.definition.experiment import ExperimentDefinition

MOST_VIEWS = 256


@dataclass(frozen=True)
class ParameterView:
    """A parameter by the id of its row; it is active with the values of conditionals in `conditions`."""

    id: int
    name: str
    is_int: bool
    default: float | str | None
    conditions: tuple[tuple[int, frozenset[str]], ...]

    def is_active(self, chosen: dict[int, str]) -> bool:
        """Return whether the parameter has a value where the conditionals are as chosen, by their ids."""
        return all(chosen.get(conditional_id) in values for conditional_id, values in self.conditions)


@dataclass(frozen=True)
class ExperimentView:
    """An experiment's definition, and the ids of its rows; `metrics` and `conditionals` are id and name."""

    definition: ExperimentDefinition
    parameters: tuple[ParameterView, ...]
    conditionals: tuple[tuple[int, str], ...]
    metrics: tuple[tuple[int, str], ...]
    tasks: dict[int, Json]


class ViewCache:
    """The views of a store's experiments, by their id and revision: the last used ones."""

    def __init__(self) -> None:
        self._views: OrderedDict[tuple[int, int], ExperimentView] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, experiment: ExperimentRow) -> ExperimentView:
        """Return the view of an experiment, from its rows where it is not known yet."""
        key = (experiment.id, experiment.revision)
        with self._lock:
            view = self._views.get(key)
            if view is not None:
                self._views.move_to_end(key)
                return view
        view = _view(experiment)
        with self._lock:
            self._views[key] = view
            while len(self._views) > MOST_VIEWS:
                self._views.popitem(last=False)
        return view


def view_of(experiment: ExperimentRow) -> ExperimentView:
    """Return the view of an experiment that a session of a store has loaded or added."""
    session = object_session(experiment)
    kept = None if session is None else session.info.get("kept")
    if kept is None:
        return _view(experiment)
    cache: ViewCache = kept.setdefault("views", ViewCache())
    return cache.get(experiment)


def definition_of(experiment: ExperimentRow) -> ExperimentDefinition:
    """Return what suggestions depend on, with its parameters and metrics in the order they were defined."""
    return view_of(experiment).definition


def _view(experiment: ExperimentRow) -> ExperimentView:
    return ExperimentView(
        read_definition(experiment),
        tuple(_parameter(row) for row in experiment.parameters),
        tuple((row.id, row.name) for row in experiment.conditionals),
        tuple((row.id, row.name) for row in experiment.metrics),
        {row.id: task_json(row) for row in experiment.tasks},
    )


def _parameter(row: ParameterRow) -> ParameterView:
    conditions: dict[int, set[str]] = {}
    for condition in row.conditions:
        conditions.setdefault(condition.conditional_id, set()).add(condition.value)
    default = row.default_category if row.default_number is None else row.default_number
    frozen = tuple((conditional_id, frozenset(values)) for conditional_id, values in conditions.items())
    return ParameterView(row.id, row.name, row.type == "int", default, frozen)
