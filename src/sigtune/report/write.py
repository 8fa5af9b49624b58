"""Write the report of an experiment: report.html and, where matplotlib is installed, two pictures."""

from __future__ import annotations

from pathlib import Path

from sigtune.report.content import Background, report_content, shown_metrics
from sigtune.report.html import report_html
from sigtune.report.pictures import write_pictures
from sigtune.report.results import Results

REPORT_NAME = "report.html"


def write_report(folder: Path, results: Results, background: Background) -> list[Path]:
    """Write the files into the folder, and return their paths: report.html first, then the pictures.

    Raises OSError where they cannot be written.
    """
    report = folder / REPORT_NAME
    draft = folder / f".{REPORT_NAME}.draft"  # a browser may be reading the earlier one
    draft.write_text(report_html(report_content(results, background)), encoding="utf-8")
    draft.replace(report)
    try:
        return [report, *write_pictures(folder, results, shown_metrics(results)[0])]
    except ImportError:  # the pictures need the extra [report]
        return [report]
