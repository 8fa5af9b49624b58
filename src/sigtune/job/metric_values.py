"""What a job returned, as the metric values of an observation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sigtune.errors import Problem, UsageError


class UnusableResultError(Exception):
    """The job's result lacks a metric, or has one that is not a finite number: a failed observation."""


def failure_reason(error: BaseException) -> str:
    """Return the first line of what `error` says, after its class: why an observation failed."""
    if isinstance(error, UnusableResultError):
        return str(error)
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__


def metric_values(result: Any, metrics: Sequence[str], are_ordered: bool = True) -> dict[str, float]:
    """Return the value of each metric named in the experiment.

    `result` is a mapping of metric name to number, or a number or sequence in the order of `metrics`. Raises
    UnusableResultError where a metric is missing, not a number, NaN or infinite; UsageError for several
    values without names where the order of `metrics` is not the user's own (`are_ordered` is false).
    """
    by_name = result if isinstance(result, Mapping) else _named(result, metrics, are_ordered)
    missing = [name for name in metrics if name not in by_name]
    if missing:
        returned = ", ".join(map(str, by_name)) or "nothing"
        raise UnusableResultError(f"metric {', '.join(missing)} is missing; the job returned {returned}")
    return {name: _finite(name, by_name[name]) for name in metrics}


def _named(result: Any, metrics: Sequence[str], are_ordered: bool) -> dict[str, Any]:
    values = list(result) if isinstance(result, Sequence) and not isinstance(result, str) else [result]
    if result is None or len(values) != len(metrics):
        raise UnusableResultError(f"the job returned {result!r}, not a value for {', '.join(metrics)}")
    if len(metrics) > 1 and not are_ordered:
        what = "the job returned a sequence, and the order of this experiment's metrics is not known"
        remedy = f"return a mapping, {{{', '.join(f'{name}: …' for name in metrics)}}}"
        raise UsageError([Problem("sigopt.metrics", what, remedy)])
    return dict(zip(metrics, values, strict=True))


def _finite(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UnusableResultError(f"metric {name} is {value!r}, not a number") from None
    if not math.isfinite(number):
        raise UnusableResultError(f"metric {name} is {number}")
    return number
