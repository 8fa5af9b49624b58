"""The results of a search: which observation is best, and the files that a sweep leaves in its folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from omegaconf import OmegaConf


class Metric(Protocol):
    """The fields of SigOpt's Metric object that decide which observation is best."""

    name: str
    objective: str | None
    strategy: str | None
    threshold: float | None


@dataclass(frozen=True)
class Observed:
    """One observation of a search; `values` is None where the job failed, for the `reason`.

    `number` and `folder` are those of the sweep's job; None where somebody else observed it. `deviations` are
    the standard deviations of values that are the mean of several runs.
    """

    number: int | None
    assignments: Mapping[str, Any]
    values: Mapping[str, float] | None
    reason: str
    overrides: Sequence[str]
    folder: Path | None = None
    deviations: Mapping[str, float] = field(default_factory=dict)


def best_of(observations: Sequence[Observed], metrics: Sequence[Metric]) -> list[Observed]:
    """Return the best observation, or with two metrics to optimise the Pareto front; the first of equals.

    What fails a metric's constraint is not among the best.
    """
    optimized = [metric for metric in metrics if (metric.strategy or "optimize") == "optimize"]
    constraints = [metric for metric in metrics if metric.strategy == "constraint"]
    scored = [
        (observed, tuple(_score(observed.values, metric) for metric in optimized))
        for observed in observations
        if observed.values is not None and all(_is_met(observed.values, metric) for metric in constraints)
    ]
    best: list[Observed] = []
    seen: set[tuple[float, ...]] = set()
    for observed, score in scored:
        if score not in seen and not any(_dominates(other, score) for _, other in scored):
            best.append(observed)
            seen.add(score)
    return best


def _score(values: Mapping[str, float], metric: Metric) -> float:
    return -values[metric.name] if metric.objective == "minimize" else values[metric.name]


def _is_met(values: Mapping[str, float], constraint: Metric) -> bool:
    """Tell whether the value is on the right side of the threshold, which itself is allowed."""
    assert constraint.threshold is not None
    value = values[constraint.name]
    return (
        value <= constraint.threshold if constraint.objective == "minimize" else value >= constraint.threshold
    )


def _dominates(score: Sequence[float], other: Sequence[float]) -> bool:
    return all(a >= b for a, b in zip(score, other, strict=True)) and tuple(score) != tuple(other)


def parameter_names(observations: Sequence[Observed]) -> list[str]:
    """Return the name of every parameter that an observation has, in the order they come in."""
    return list(dict.fromkeys(name for observed in observations for name in observed.assignments))


def metric_names(observations: Sequence[Observed]) -> list[str]:
    """Return the name of every metric that an observation has, in the order they come in."""
    return list(dict.fromkeys(name for observed in observations for name in observed.values or {}))


def write_results(folder: Path, observations: Sequence[Observed], best: Sequence[Observed]) -> None:
    """Write observations.csv and optimization_results.yaml into the sweep's folder."""
    _write_csv(folder / "observations.csv", observations)
    summary = {
        "name": "sigopt",
        "observations": len(observations),
        "failed": sum(observed.values is None for observed in observations),
        "best": [
            {
                "job": observed.number,
                "folder": str(observed.folder) if observed.folder else None,
                "values": dict(observed.values or {}),
                "assignments": dict(observed.assignments),
                "overrides": list(observed.overrides),
            }
            for observed in best
        ],
    }
    OmegaConf.save(OmegaConf.create(summary), folder / "optimization_results.yaml")


def _write_csv(path: Path, observations: Sequence[Observed]) -> None:
    parameters, metrics = parameter_names(observations), metric_names(observations)
    deviations = list(dict.fromkeys(name for observed in observations for name in observed.deviations))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        deviation_headings = [f"{name}_stddev" for name in deviations]
        writer.writerow(["job", *parameters, *metrics, *deviation_headings, "failed", "reason", "folder"])
        for observed in observations:
            values = observed.values or {}
            writer.writerow(
                [
                    "" if observed.number is None else observed.number,
                    *(observed.assignments.get(name, "") for name in parameters),
                    *(values.get(name, "") for name in metrics),
                    *(observed.deviations.get(name, "") for name in deviations),
                    observed.values is None,
                    observed.reason,
                    observed.folder or "",
                ]
            )
