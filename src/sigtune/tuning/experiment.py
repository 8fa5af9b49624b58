"""SigOptExperiment: one experiment at SigOpt, and how its suggestions become config values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sigtune.config.keys import is_key
from sigtune.tuning.call_forms import (
    MetricValues,
    connection_options,
    definition_fields,
    id_of,
    task_field,
    value_fields,
)
from sigtune.tuning.connection import connect, ensure_project, log_backend

# How often a report is sent whose answer is lost.
_MOST_REPORTS = 10
# Where the training runs of an experiment are that is in no project.
_PROJECT_OF_RUNS = "sigtune"
_LONGEST_NAME = 100


class SigOptExperiment:
    """An experiment at SigOpt. Experiment classes put mixins before it, one per optimiser or scheduler.

    `experiment_id` is that of an experiment that exists; `create_experiment` makes a new one. `sigopt_config`
    is a config's `sigopt` block, which may name the experiment and where SigOpt is; a `sigopt.Connection` may
    be given in its place. Without a connection the experiment connects by the config and the environment, as
    `sigopt.backend=auto` does.

    Where a method takes a suggestion, or a training run, it takes SigOpt's object or its ID.
    """

    def __init__(
        self, experiment_id: str | int | None = None, sigopt_config: Any = None, connection: Any = None
    ) -> None:
        if sigopt_config is not None and not isinstance(sigopt_config, Mapping):
            sigopt_config, connection = None, sigopt_config
        self.sigopt_config: Mapping[str, Any] = sigopt_config or {}
        known = experiment_id if experiment_id is not None else self.sigopt_config.get("experiment_id")
        self.experiment_id = None if known is None else str(known)
        self._connection = connection

    @property
    def connection(self) -> Any:
        """The `sigopt.Connection`, made when it is first needed."""
        if self._connection is None:
            options = connection_options(self.sigopt_config)
            self._connection = connect(**options)
            log_backend(options.get("backend", "auto"))
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
    def get_execution_order(cls) -> dict[str, list[str]]:
        """Return the names of the classes that take part in a method, first to last, by the method's name."""
        method = "update_config_with_suggestion"
        return {method: [klass.__name__ for klass in reversed(cls.__mro__) if method in vars(klass)]}

    # --- the experiment at SigOpt ---

    def create_experiment(self, sigopt_config: Mapping[str, Any] | None = None, **definition: Any) -> str:
        """Create the experiment that `definition` describes in SigOpt's fields; return and keep its ID.

        The fields may stand in a `sigopt` block, `sigopt_config`; where nothing is given, in that of the
        constructor. A `project` that does not exist is created. Raises `sigopt.exception.ApiException` where
        SigOpt refuses the definition.
        """
        if sigopt_config is None and not definition:
            sigopt_config = self.sigopt_config
        definition = {**definition_fields(sigopt_config or {}), **definition}
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

    def open_suggestions(self) -> list[Any]:
        """Return the suggestions that have not been observed, newest first."""
        return list(self._resource().suggestions().fetch(state="open").iterate_pages())

    def update_suggestion(self, suggestion: Any, metadata: Mapping[str, Any]) -> None:
        """Replace the metadata of one suggestion."""
        self._resource().suggestions(id_of(suggestion)).update(metadata=dict(metadata))

    def delete_suggestion(self, suggestion: Any) -> bool:
        """Delete one suggestion; return False for one that is gone already, as after a lost answer."""
        from sigopt.exception import ApiException

        try:
            self._resource().suggestions(id_of(suggestion)).delete()
        except ApiException as error:
            if error.status_code != 404:
                raise
            return False
        return True

    def delete_open_suggestions(self) -> None:
        """Delete every open suggestion."""
        for suggestion in self.open_suggestions():
            self.delete_suggestion(suggestion)

    def put_back(self, suggestion: Any) -> None:
        """Delete an open suggestion and queue its assignments, which `get_next_suggestion` then gives out."""
        self.queue(suggestion.assignments)
        self.delete_suggestion(suggestion)

    def queue(self, assignments: Mapping[str, Any]) -> None:
        """Queue assignments, which are then suggested before any others."""
        self._resource().queued_suggestions().create(assignments=dict(assignments))

    def update_observation(
        self,
        suggestion: Any,
        values: MetricValues,
        metadata: Mapping[str, Any] | None = None,
        deviations: Mapping[str, float] | None = None,
    ) -> None:
        """Report the result of a suggestion: a value for each metric, or None where the job failed.

        `values` are a mapping by name, a list in SigOpt's fields (`[{"name": …, "value": …}]`), or the number
        of the only metric. `deviations` are the standard deviations of those values that have one. A report
        whose answer is lost is repeated only where it has not arrived.
        """
        from sigopt.exception import ConnectionException

        for attempt in range(_MOST_REPORTS):
            try:
                self._observe({"suggestion": id_of(suggestion)}, values, metadata, deviations)
            except ConnectionException:
                # This request is patient with a server that is away, and raises in the end.
                is_open = self._resource().suggestions(id_of(suggestion)).fetch().state == "open"
                if is_open and attempt + 1 < _MOST_REPORTS:
                    continue
                if is_open:
                    raise
            return

    def create_observation(
        self,
        assignments: Mapping[str, Any],
        value: MetricValues,
        task: Any = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Any:
        """Report values, or None for a failure, for assignments that SigOpt did not suggest.

        `value` is as in `update_observation`; `task`, in a multitask experiment, is SigOpt's Task object, its
        fields, or its name. Return SigOpt's Observation object.
        """
        return self._observe({"assignments": dict(assignments), **task_field(task)}, value, metadata)

    def _observe(
        self,
        subject: dict[str, Any],
        values: MetricValues,
        metadata: Mapping[str, Any] | None,
        deviations: Mapping[str, float] | None = None,
    ) -> Any:
        outcome = value_fields(values, deviations or {})
        if metadata:
            outcome["metadata"] = dict(metadata)
        return self._resource().observations().create(**subject, **outcome)

    def observations(self) -> list[Any]:
        """Return the observations, newest first."""
        return list(self._resource().observations().fetch().iterate_pages())

    def get_observation_count(self) -> int:
        """Return how many observations there are, failed ones included."""
        return int(self.get_experiment_details().progress.observation_count)

    def get_best_assignments(self) -> Any:
        """Return SigOpt's BestAssignments object; None before there is one.

        With two metrics to optimise it is the first of the Pareto front: see `get_pareto_front`.
        """
        return next(iter(self.get_pareto_front()), None)

    def get_pareto_front(self) -> list[Any]:
        """Return all of SigOpt's BestAssignments: with one metric to optimise at most one."""
        return list(self._resource().best_assignments().fetch().iterate_pages())

    # --- the course of a training ---

    def create_training_run(self, suggestion: Any = None, **fields: Any) -> Any:
        """Create a training run in the experiment's project; return SigOpt's TrainingRun object.

        It has the suggestion's assignments, and in its metadata the IDs of both. `fields` are further ones of
        SigOpt's, `name` among them. The observation of the suggestion is reported apart.
        """
        details = self.get_experiment_details()
        project = details.project or _PROJECT_OF_RUNS
        metadata = {"experiment": details.id, **fields.pop("metadata", {})}
        if suggestion is not None:
            suggested = self._resource().suggestions(id_of(suggestion)).fetch()
            fields.setdefault("assignments", dict(suggested.assignments))
            metadata["suggestion"] = suggested.id
        fields.setdefault("name", f"{details.name}: {metadata.get('suggestion', 'training')}"[:_LONGEST_NAME])
        client = ensure_project(self.connection, project)
        runs = self.connection.clients(client).projects(project).training_runs()
        return runs.create(metadata=metadata, **fields)

    def create_checkpoint(
        self, training_run: Any, values: MetricValues, metadata: Mapping[str, Any] | None = None
    ) -> Any:
        """Record the metrics of a run while it trains; return SigOpt's Checkpoint object."""
        fields = {**value_fields(values, {}), **({"metadata": dict(metadata)} if metadata else {})}
        return self.connection.training_runs(id_of(training_run)).checkpoints().create(**fields)

    def _resource(self) -> Any:
        if self.experiment_id is None:
            raise ValueError("no experiment yet: call create_experiment, or give an experiment_id")
        return self.connection.experiments(self.experiment_id)
