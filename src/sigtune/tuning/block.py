"""The `sigopt` block of a config as typed values: the experiment, and how sigtune reaches and runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sigtune.config.schema import SigOptConfig
from sigtune.config.validation import value_problems
from sigtune.errors import UsageError

# The fields of the block that are the experiment's own, in SigOpt's API.
_EXPERIMENT_FIELDS = (
    "name",
    "parameters",
    "metrics",
    "parallel_bandwidth",
    "observation_budget",
    "project",
    "tasks",
    "type",
    "num_solutions",
    "conditionals",
    "linear_constraints",
    "metadata",
)


@dataclass(frozen=True)
class SearchBlock:
    """A `sigopt` block with the schema's defaults.

    `definition` is the experiment in SigOpt's JSON fields; what the block leaves out is left out, but for
    `parameters`, which may be empty. The other fields are explained in `sigtune.config.schema.SigOptConfig`.
    """

    definition: dict[str, Any]
    experiment_class: str
    experiment_id: str | None
    create: bool
    backend: str
    store: str
    seed: int
    max_consecutive_failures: int
    max_lost_runs: int
    max_retries: int
    job_timeout: float | None
    repeats: int
    repeat_key: str
    seed_per_suggestion: bool
    retry_seconds: float

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """The tuned parameters, in SigOpt's JSON fields; none where the block defines no search."""
        return list(self.definition["parameters"])

    def metric_order(self, names: Sequence[str]) -> list[str] | None:
        """Return the names of an experiment's metrics in the order of the block's.

        None where the block has other metrics, or none: a SigOpt server sorts them, so that the order in
        which the experiment's author wrote them is not known.
        """
        own = [str(metric.get("name", "")) for metric in self.definition.get("metrics", [])]
        return own if sorted(own) == sorted(names) else None

    def with_parameters(self, further: Sequence[dict[str, Any]]) -> SearchBlock:
        """Return the block with more parameters, those of a command line."""
        parameters = _read_parameters([*self.parameters, *further])
        return replace(self, definition={**self.definition, "parameters": parameters})


def read_block(block: Any) -> SearchBlock:
    """Check a `sigopt` block, of any Hydra app, against the schema, and read it; None is an empty one.

    Raises UsageError with every unknown key and every value of the wrong type.
    """
    # Resolved where it stands: a copy would have lost the app's config that it refers to.
    values = OmegaConf.to_container(block, resolve=True) if OmegaConf.is_config(block) else block or {}
    try:
        typed = OmegaConf.merge(OmegaConf.structured(SigOptConfig), values)
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        # OmegaConf tells the first problem; all of them take fifty milliseconds to find.
        problems = value_problems(OmegaConf.structured(SigOptConfig), values, "sigopt")
        if not problems:
            raise
        raise UsageError(problems) from error
    read = OmegaConf.to_container(typed, resolve=True)
    assert isinstance(read, dict)
    own = {entry.name: read[entry.name] for entry in fields(SearchBlock) if entry.name != "definition"}
    return SearchBlock(definition=_definition(read), **own)


def default_assignments(parameters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the default values of those parameters that have one."""
    return {p["name"]: p["default_value"] for p in parameters if "name" in p and "default_value" in p}


def _definition(values: dict[Any, Any]) -> dict[str, Any]:
    definition = {name: _present(values[name]) for name in _EXPERIMENT_FIELDS if _is_present(values[name])}
    definition["parameters"] = [_parameter(parameter) for parameter in definition.get("parameters", [])]
    if not definition.get("metadata"):
        definition.pop("metadata", None)
    return definition


def _read_parameters(parameters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    typed = OmegaConf.merge(OmegaConf.structured(SigOptConfig), {"parameters": parameters})
    assert isinstance(typed, DictConfig)
    read = OmegaConf.to_container(typed.parameters)
    assert isinstance(read, list)
    return [_parameter(_present(parameter)) for parameter in read]


def _is_present(value: Any) -> bool:
    return value is not None and value != "???"


def _present(value: Any) -> Any:
    """Leave out null and missing fields, at every level: to SigOpt an absent field is the default."""
    if isinstance(value, dict):
        return {key: _present(entry) for key, entry in value.items() if _is_present(entry)}
    if isinstance(value, list):
        return [_present(entry) for entry in value]
    return value


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """Give the parameter's numbers the type that its own type has: the schema reads every bound as float."""
    for name in ("bounds", "prior", "conditions"):
        if not parameter.get(name):
            parameter.pop(name, None)
    kind = parameter.get("type")
    if kind == "int":
        for name, value in parameter.get("bounds", {}).items():
            parameter["bounds"][name] = _whole(value)
        if "grid" in parameter:
            parameter["grid"] = [_whole(value) for value in parameter["grid"]]
    if kind == "categorical" and "default_value" in parameter:
        parameter["default_value"] = str(parameter["default_value"])
    return parameter


def _whole(value: float) -> int | float:
    return int(value) if value == int(value) else value
