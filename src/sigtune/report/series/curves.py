"""Learning curves: a metric by epoch, of one job or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sigtune.report.logged_curves import Curves
from sigtune.report.series.axes import Json, rounded


@dataclass(frozen=True)
class Run:
    """The curves of a run by the `label` that they are shown with, and its observation's number if any."""

    label: str
    curves: Curves
    number: int | None = None


def curve_names(runs: Sequence[Run]) -> list[str]:
    """Return the names of the metrics that any of the runs has logged, in the order they come in."""
    return list(dict.fromkeys(name for run in runs for name in run.curves.metrics))


def learning_curves(runs: Sequence[Run], metric: str) -> Json:
    """Return the curves of a metric, a line for each run that has logged it."""
    lines = []
    for run in runs:
        points = [
            (position, value)
            for position, value in zip(run.curves.positions, run.curves.metrics.get(metric, ()), strict=False)
            if value is not None
        ]
        if points:
            lines.append(
                {
                    "label": run.label,
                    "number": run.number,
                    "x": [position for position, _ in points],
                    "y": [rounded(value) for _, value in points],
                }
            )
    along = runs[0].curves.along if runs else "epoch"
    return {"kind": "curves", "title": metric, "metric": metric, "along": along, "lines": lines}
