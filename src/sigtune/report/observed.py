"""One observation of a search, with the job that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Observed:
    """One observation of a search; `values` is None where the job failed, for the `reason`.

    `number` and `folder` are those of the sweep's job; None where somebody else observed it. `deviations` are
    the standard deviations of values that are the mean of several runs; `task` is the name of the task, in an
    experiment that has tasks.
    """

    number: int | None
    assignments: Mapping[str, Any]
    values: Mapping[str, float] | None
    reason: str
    overrides: Sequence[str]
    folder: Path | None = None
    deviations: Mapping[str, float] = field(default_factory=dict)
    task: str | None = None


def parameter_names(observations: Sequence[Observed]) -> list[str]:
    """Return the name of every parameter that an observation has, in the order they come in."""
    return list(dict.fromkeys(name for observed in observations for name in observed.assignments))


def metric_names(observations: Sequence[Observed]) -> list[str]:
    """Return the name of every metric that an observation has, in the order they come in."""
    return list(dict.fromkeys(name for observed in observations for name in observed.values or {}))
