"""The metrics that a job has logged by epoch, read from its folder."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CURVES_NAME = "curves.csv"
"""What sigtune's own callback writes into a job's folder, whichever logger is chosen."""

LOGGED_NAMES = (CURVES_NAME, "metrics/metrics.csv", "metrics.csv")
"""Files a job may have left: sigtune's, then those of Lightning's CSVLogger in another app."""

_MOST_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Curves:
    """Metrics by epoch, or by step where no epoch is known: a value or None at each of the `positions`."""

    along: str
    positions: Sequence[float]
    metrics: Mapping[str, Sequence[float | None]]


def read_runs(folder: Path) -> list[tuple[str, Curves]]:
    """Return the curves of a job's runs by the run's name: "" for the only one, "1", "2"… for repeats.

    Empty where the folder has none, is gone, or the files cannot be read as what they should be.
    """
    own = read_curves(folder)
    if own is not None:
        return [("", own)]
    repeats = [path for path in folder.glob("*") if path.name.isdigit()] if folder.is_dir() else []
    found = [(path.name, read_curves(path)) for path in sorted(repeats, key=lambda path: int(path.name))]
    return [(name, curves) for name, curves in found if curves is not None]


def read_curves(folder: Path) -> Curves | None:
    """Return what a run has logged; None where its folder holds nothing that can be read."""
    for name in LOGGED_NAMES:
        path = folder / name
        try:
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _MOST_BYTES:
                return parse_curves(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
    return None


def parse_curves(text: str) -> Curves | None:
    """Return what one of the `LOGGED_NAMES` holds; None for what cannot be read as that."""
    try:
        rows = list(csv.DictReader(text.splitlines()))
    except csv.Error:
        return None
    along = next((name for name in ("epoch", "step") if rows and name in rows[0]), None)
    if along is None:
        return None
    merged: dict[float, dict[str, float]] = {}
    for row in rows:
        position = _number(row.get(along))
        if position is not None:
            # CSVLogger has one line for training and one for validation: the last value of an epoch holds.
            values = {name: _number(text) for name, text in row.items() if name not in ("epoch", "step")}
            merged.setdefault(position, {}).update(
                {name: value for name, value in values.items() if value is not None}
            )
    names = dict.fromkeys(name for values in merged.values() for name in values)
    positions = sorted(merged)
    return Curves(along, positions, {name: [merged[at].get(name) for at in positions] for name in names})


def _number(text: str | None) -> float | None:
    """Return the finite number that a cell holds, None for any other."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
