"""The confusion matrices that a classifier's job has left in its folder."""

from __future__ import annotations

import csv
from pathlib import Path

from sigtune.report.series.axes import Json

CONFUSION_NAMES = ("confusion.csv", "confusion_test.csv")
"""Of the validation set, and of the test set where the job's weights were tested."""

MOST_BYTES = 2**20
_MOST_CLASSES = 200


def read_confusions(folder: Path) -> list[Json]:
    """Return the figures of a job's confusion matrices, those of each run of a job with repeats.

    Files that are not there, or cannot be read as what they should be, are left out.
    """
    runs = [path for path in folder.glob("*") if path.name.isdigit()]
    runs = [folder, *sorted(runs, key=lambda path: int(path.name))]
    found = []
    for run in runs:
        which = "" if run == folder else f", run {run.name}"
        found += [_read(run / name, which) for name in CONFUSION_NAMES]
    return [figure for figure in found if figure is not None]


def _read(path: Path, which: str) -> Json | None:
    try:
        if path.is_symlink() or path.stat().st_size > MOST_BYTES:
            return None
        return parse_confusion(path.read_text(encoding="utf-8"), which)
    except (OSError, ValueError):
        return None


def parse_confusion(text: str, which: str = "") -> Json | None:
    """Return the figure of one of the `CONFUSION_NAMES`; None for what cannot be read as that.

    The first row has what the matrix is of, then the classes; every other row a true class, then how often
    each was predicted for it. Classes that occur nowhere are left out. `which` stands at the title's end.
    """
    try:
        (what, *classes), *rows = csv.reader(text.splitlines())
        counts = [[int(count) for count in row[1:]] for row in rows]
    except (ValueError, csv.Error):
        return None
    size = len(classes)
    if not 0 < size <= _MOST_CLASSES or [len(row) for row in counts] != [size] * size:
        return None
    occurring = [place for place, row in enumerate(counts) if any(row) or any(each[place] for each in counts)]
    return {
        "kind": "confusion",
        "title": f"Confusion matrix: {what}{which}",
        "classes": [classes[place] for place in occurring],
        "counts": [[counts[row][place] for place in occurring] for row in occurring],
    }
