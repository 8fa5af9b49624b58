"""`hydra.sweeper.params`: a search space in a config, as the sweepers of Optuna and of Ax have theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sigtune.errors import Problem, UsageError
from sigtune.invocation import overridden_keys
from sigtune.tuning.overrides import as_text

_AX_FIELDS = {
    "range": {"bounds", "value_type", "log_scale"},
    "choice": {"values", "value_type", "is_ordered"},
    "fixed": {"value", "value_type"},
}
# What other sweepers have in hydra.sweeper, and where it is here.
_ELSEWHERE = {
    "ax_config": "hydra.sweeper.params for its params, sigopt.observation_budget for its max_trials",
    "direction": "the objective of a metric in sigopt.metrics",
    "max_batch_size": "sigopt.parallel_bandwidth",
    "n_jobs": "sigopt.parallel_bandwidth",
    "n_trials": "sigopt.observation_budget",
    "search_space": "hydra.sweeper.params",
    "storage": "sigopt.store",
    "study_name": "sigopt.name",
}
_REMEDY = "range with bounds, choice with values, fixed with value; or in Hydra's syntax: interval(0, 1)"


def refuse_options(others: Mapping[str, Any]) -> None:
    """Raise UsageError where `hydra.sweeper` has more than the block and the params."""
    if others:
        raise UsageError(
            [
                Problem(
                    f"hydra.sweeper.{name}",
                    "is not of this sweeper",
                    _ELSEWHERE.get(name, "the sigopt block"),
                )
                for name in others
            ]
        )


def with_sweeper_params(arguments: Sequence[str], params: Mapping[str, Any]) -> list[str]:
    """Return the overrides with those of `hydra.sweeper.params`, which a command line goes before.

    Each is a text in Hydra's sweep syntax, `{x: interval(0, 1), y: "1,2,3"}`, or a mapping as Ax has it,
    `{x: {type: range, bounds: [0, 1]}}`; keys may be nested. Raises UsageError for a mapping that is neither.
    """
    typed = overridden_keys(arguments)
    own = [f"{key}={text}" for key, text in _sweeps(params, "") if key.lstrip("+~") not in typed]
    return [*own, *arguments]


def _sweeps(params: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for name, value in params.items():
        key = f"{above}.{name}" if above else str(name)
        if isinstance(value, Mapping) and isinstance(value.get("type"), str):
            yield key, _ax_sweep(key, value)
        elif isinstance(value, Mapping):
            yield from _sweeps(value, key)
        else:
            yield key, value if isinstance(value, str) else as_text(value)


def _ax_sweep(key: str, given: Mapping[str, Any]) -> str:
    """Return a parameter of Ax in Hydra's sweep syntax."""
    place, kind = f"hydra.sweeper.params.{key}", given["type"]
    known = _AX_FIELDS.get(kind)
    if known is None:
        raise UsageError([Problem(f"{place}.type={kind}", "unknown type of parameter", _REMEDY)])
    unknown = sorted(str(field) for field in given if field != "type" and field not in known)
    if unknown:
        what = f"is not a field of type {kind}"
        raise UsageError([Problem(f"{place}.{field}", what, _REMEDY) for field in unknown])
    needed = {"range": "bounds", "choice": "values", "fixed": "value"}[kind]
    if needed not in given:
        raise UsageError([Problem(f"{place}.{needed}", f"type {kind} needs it", _REMEDY)])
    value = given[needed]
    if kind == "fixed":
        return as_text(value)
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
    if not values or (kind == "range" and len(values) != 2):
        raise UsageError([Problem(f"{place}.{needed}", "is not a list of values for it", _REMEDY)])
    texts = ",".join(as_text(one) for one in values)
    return f"choice({texts})" if kind == "choice" else _interval(texts, values, given)


def _interval(texts: str, bounds: Sequence[Any], given: Mapping[str, Any]) -> str:
    """Return the range: of whole numbers where Ax takes it for one, by its type or that of its bounds."""
    default = "int" if all(type(end) is int for end in bounds) else "float"
    sweep = f"interval({texts})"
    if given.get("value_type", default) == "int":
        sweep = f"int({sweep})"
    return f"tag(log, {sweep})" if given.get("log_scale") else sweep
