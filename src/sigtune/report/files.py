"""The results of a search: which observation is best, and the files that a sweep leaves in its folder."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from sigtune.report.observed import Observed, metric_names, parameter_names

RESULTS_NAME = "optimization_results.yaml"

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


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
    OmegaConf.save(OmegaConf.create(summary), folder / RESULTS_NAME)


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
                _safe_cell(cell)
                for cell in [
                    "" if observed.number is None else observed.number,
                    *(observed.assignments.get(name, "") for name in parameters),
                    *(values.get(name, "") for name in metrics),
                    *(observed.deviations.get(name, "") for name in deviations),
                    observed.values is None,
                    observed.reason,
                    observed.folder or "",
                ]
            )


def _safe_cell(cell: Any) -> Any:
    """Return the cell so that a spreadsheet takes a text for a text, not for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_SIGNS) else cell
