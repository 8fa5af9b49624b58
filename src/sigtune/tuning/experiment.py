"""SigOptExperiment: one experiment at SigOpt, and how its suggestions become config values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sigtune.config.keys import is_key
from sigtune.definition.metrics import Metric
from sigtune.tuning.connection import connect, ensure_project, log_backend

# How often a report is sent whose answer is lost.
_MOST_REPORTS = 10


class SigOptExperiment:
    """An experiment at SigOpt. Experiment classes put mixins before it, one per optimiser or scheduler.

    `connection` is a `sigopt.Connection`; without one the experiment connects by the environment, as
    `sigopt.backend=auto` does. `experiment_id` is that of an experiment that exists; `create_experiment`
    makes a new one.
    """

    def __init__(self, experiment_id: str | int | None = None, connection: Any = None) -> None:
        self.experiment_id = None if experiment_id is None else str(experiment_id)
        self._connection = connection

    @property
    def connection(self) -> Any:
        """The `sigopt.Connection`, made when it is first needed."""
        if self._connection is None:
            self._connection = connect()
            log_backend("auto")
        return self._connection

    # --- how a suggestion becomes config values ---

    def update_config_with_suggestion(self, config: DictConfig, suggestion: Any) -> None:
        """Write the suggestion's assignments into `config`, in place.

        A mixin overrides this, calls `super()` first and then writes the assignments that are its own. Here
        the assignments whose name is itself a config key are written; and in a multitask experiment the
        number of epochs of a task whose name contains "epoch": int(metadata.max_epochs · cost), at least 1.
        """
        for name, value in suggestion.assignments.items():
            if is_key(config, name):
                OmegaConf.update(config, name, value)
        task = getattr(suggestion, "task", None)
        if task is not None and "epoch" in task.name:
            config.trainer.max_epochs = max(1, math.floor(config.sigopt.metadata.max_epochs * task.cost))

    @classmethod
    def get_execution_order(cls) -> list[str]:
        """Return the names of the classes that write into the config, first to last."""
        return [
            klass.__name__
            for klass in reversed(cls.__mro__)
            if "update_config_with_suggestion" in vars(klass)
        ]

    # --- the experiment at SigOpt ---

    def create_experiment(self, **definition: Any) -> str:
        """Create the experiment that `definition` describes in SigOpt's fields; return and keep its ID.

        A `project` that does not exist is created. Raises `sigopt.exception.ApiException` where SigOpt
        refuses the definition.
        """
        if definition.get("project"):
            ensure_project(self.connection, definition["project"])
        experiment = self.connection.experiments().create(**definition)
        self.experiment_id = str(experiment.id)
        return self.experiment_id

    def get_experiment_details(self) -> Any:
        """Return SigOpt's Experiment object, with its progress."""
        return self._resource().fetch()

    def update_experiment(self, **fields: Any) -> Any:
        """Change these fields of the experiment; return SigOpt's Experiment object.

        A `project` that does not exist is created. Raises `sigopt.exception.ApiException` where SigOpt
        refuses the change.
        """
        if fields.get("project"):
            ensure_project(self.connection, fields["project"])
        return self._resource().update(**fields)

    def update_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Replace the experiment's metadata."""
        self._resource().update(metadata=dict(metadata))

    def get_next_suggestion(self, metadata: Mapping[str, Any] | None = None) -> Any:
        """Ask for a suggestion; it stays open until it is observed or deleted."""
        return self._resource().suggestions().create(**({"metadata": dict(metadata)} if metadata else {}))

    def open_suggestions(self) -> Iterator[Any]:
        """Yield the suggestions that have not been observed, newest first."""
        return iter(self._resource().suggestions().fetch(state="open").iterate_pages())

    def update_suggestion(self, suggestion_id: str | int, metadata: Mapping[str, Any]) -> None:
        """Replace the metadata of one suggestion."""
        self._resource().suggestions(suggestion_id).update(metadata=dict(metadata))

    def delete_suggestion(self, suggestion_id: str | int) -> bool:
        """Delete one suggestion; return False for one that is gone already, as after a lost answer."""
        from sigopt.exception import ApiException

        try:
            self._resource().suggestions(suggestion_id).delete()
        except ApiException as error:
            if error.status_code != 404:
                raise
            return False
        return True

    def delete_open_suggestions(self) -> None:
        """Delete every open suggestion."""
        for suggestion in list(self.open_suggestions()):
            self.delete_suggestion(suggestion.id)

    def put_back(self, suggestion: Any) -> None:
        """Delete an open suggestion and queue its assignments, which `get_next_suggestion` then gives out."""
        self.queue(suggestion.assignments)
        self.delete_suggestion(suggestion.id)

    def queue(self, assignments: Mapping[str, Any]) -> None:
        """Queue assignments, which are then suggested before any others."""
        self._resource().queued_suggestions().create(assignments=dict(assignments))

    def update_observation(
        self,
        suggestion_id: str | int,
        values: Mapping[str, float] | None,
        metadata: Mapping[str, Any] | None = None,
        deviations: Mapping[str, float] | None = None,
    ) -> None:
        """Report the result of a suggestion: a value for each metric, or None where the job failed.

        `deviations` are the standard deviations of those values that have one. A report whose answer is lost
        is repeated only where it has not arrived.
        """
        from sigopt.exception import ConnectionException

        for attempt in range(_MOST_REPORTS):
            try:
                self._observe({"suggestion": str(suggestion_id)}, values, metadata, deviations)
            except ConnectionException:
                # This request is patient with a server that is away, and raises in the end.
                is_open = self._resource().suggestions(suggestion_id).fetch().state == "open"
                if is_open and attempt + 1 < _MOST_REPORTS:
                    continue
                if is_open:
                    raise
            return

    def create_observation(
        self,
        assignments: Mapping[str, Any],
        values: Mapping[str, float] | None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Any:
        """Report values, or None for a failure, for assignments that SigOpt did not suggest."""
        return self._observe({"assignments": dict(assignments)}, values, metadata)

    def _observe(
        self,
        subject: dict[str, Any],
        values: Mapping[str, float] | None,
        metadata: Mapping[str, Any] | None,
        deviations: Mapping[str, float] | None = None,
    ) -> Any:
        known = deviations or {}
        outcome: dict[str, Any] = {"failed": True}
        if values is not None:
            stddev = {name: {"value_stddev": known[name]} for name in known}
            outcome = {
                "values": [
                    {"name": name, "value": value, **stddev.get(name, {})} for name, value in values.items()
                ]
            }
        if metadata:
            outcome["metadata"] = dict(metadata)
        return self._resource().observations().create(**subject, **outcome)

    def observations(self) -> Iterator[Any]:
        """Yield the observations, newest first."""
        return iter(self._resource().observations().fetch().iterate_pages())

    def get_observation_count(self) -> int:
        """Return how many observations there are, failed ones included."""
        return int(self.get_experiment_details().progress.observation_count)

    def get_best_assignments(self) -> list[Any]:
        """Return SigOpt's BestAssignments: one with one metric to optimise, a Pareto front with two."""
        return list(self._resource().best_assignments().fetch().iterate_pages())

    def _resource(self) -> Any:
        if self.experiment_id is None:
            raise ValueError("no experiment yet: call create_experiment, or give an experiment_id")
        return self.connection.experiments(self.experiment_id)


def parameters_of(experiment: Any) -> list[dict[str, Any]]:
    """Return the parameters of SigOpt's Experiment object in the fields of a definition.

    Its conditionals are among them, each as the categorical parameter that it is to a job.
    """
    shown = experiment.to_json()
    parameters: list[dict[str, Any]] = shown["parameters"]
    for parameter in parameters:
        if parameter.get("categorical_values"):
            parameter["categorical_values"] = [value["name"] for value in parameter["categorical_values"]]
    return [*parameters, *conditional_parameters(shown.get("conditionals") or [])]


def conditional_parameters(conditionals: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the conditionals of a definition as the categorical parameters that they are to a job."""
    return [
        {"name": entry.get("name"), "type": "categorical", "categorical_values": entry.get("values")}
        for entry in conditionals
    ]


def metrics_of(experiment: Any) -> list[Metric]:
    """Return the metrics of SigOpt's Experiment object."""
    return [
        Metric(metric.name, metric.objective or "maximize", metric.strategy or "optimize", metric.threshold)
        for metric in experiment.metrics
    ]
