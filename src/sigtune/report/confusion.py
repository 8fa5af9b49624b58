"""The confusion matrix that a classifier's job has left in its folder."""

from __future__ import annotations

import csv
from pathlib import Path

from sigtune.report.series.axes import Json

CONFUSION_NAME = "confusion.csv"
_MOST_CLASSES = 200


def read_confusion(folder: Path) -> Json | None:
    """Return the figure of the confusion matrix; None where there is none that can be read.

    The first row has what the matrix is of, then the classes; every other row a true class, then how often
    each was predicted for it. Classes that occur nowhere are left out.
    """
    path = folder / CONFUSION_NAME
    try:
        with path.open(newline="", encoding="utf-8") as file:
            (what, *classes), *rows = csv.reader(file)
            counts = [[int(count) for count in row[1:]] for row in rows]
    except (OSError, ValueError, csv.Error):
        return None
    size = len(classes)
    if not 0 < size <= _MOST_CLASSES or [len(row) for row in counts] != [size] * size:
        return None
    occurring = [place for place, row in enumerate(counts) if any(row) or any(each[place] for each in counts)]
    return {
        "kind": "confusion",
        "title": f"Confusion matrix: {what}",
        "classes": [classes[place] for place in occurring],
        "counts": [[counts[row][place] for place in occurring] for row in occurring],
    }
