"""The metrics that a killed job had logged, kept by the job that resumes it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger
from pytorch_lightning.loggers.csv_logs import ExperimentWriter


def keep_logged_metrics(loggers: Iterable[Logger], steps: int) -> None:
    """Make CSV loggers, which begin with an empty file, keep the rows of the first `steps` steps.

    What a killed job had written of later steps goes: they are trained once more.
    """
    for logger in loggers:
        path = Path(logger.log_dir or "") / ExperimentWriter.NAME_METRICS_FILE
        if isinstance(logger, CSVLogger) and path.is_file():
            with path.open(newline="") as file:
                rows: list[Any] = [_without_blanks(row) for row in csv.DictReader(file)]
            logger.experiment.metrics.extend(row for row in rows if int(row["step"]) < steps)
            logger.save()


def _without_blanks(row: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if value}
