"""What a person sees of a search: one stable line per job, and the same ending whatever ended it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sigtune.report.results import Observed

from ._job import Job, Outcome

_LABEL_WIDTH = 8


class Display:
    """Prints to the terminal, or plainly to wherever the output goes."""

    def __init__(self, budget: int | None) -> None:
        self._budget = budget
        self._console = Console(highlight=False, soft_wrap=True)

    def labelled(self, label: str, text: str) -> None:
        """Print a line that begins with what it is about."""
        self._print(f"{label:<{_LABEL_WIDTH}} {text}")

    def job(self, job: Job, outcome: Outcome, is_best: bool, error_log: Path | None) -> None:
        """Print how a job ended: its metrics and assignments, or why it failed."""
        count = f"{job.number}/{self._budget}" if self._budget else str(job.number)
        seconds = f"{outcome.seconds:.0f}s"
        if outcome.values is None:
            where = f" ({error_log})" if error_log else ""
            self._print(f"{count:>7}  FAILED  {outcome.reason}{where}  reported, continuing  {seconds}")
            return
        metrics = " ".join(f"{name} {value:.4f}" for name, value in outcome.values.items())
        star = "★" if is_best else " "
        self._print(f"{count:>7}  {metrics} {star}  {format_assignments(job.assignments)}  {seconds}")

    def table(self, observations: Sequence[Observed], best: Sequence[Observed]) -> None:
        """Print every observation with its metrics and assignments, the best marked."""
        if not observations:
            return
        table = Table(box=SIMPLE)
        metrics = list(dict.fromkeys(name for observed in observations for name in observed.values or {}))
        parameters = list(dict.fromkeys(name for observed in observations for name in observed.assignments))
        for heading in ("", "job", *metrics, *parameters):
            table.add_column(heading, justify="right", no_wrap=True)
        for observed in observations:
            values = observed.values or {}
            table.add_row(
                "★" if observed in best else "",
                str(observed.number),
                *(f"{values[name]:.4f}" if name in values else "failed" for name in metrics),
                *(_short(observed.assignments.get(name, "")) for name in parameters),
            )
        # Off a terminal the width is not known; a table cut to 80 columns would lose what it is for.
        self._console.print(table, width=None if self._console.is_terminal else 160, crop=False)

    def error(self, text: str) -> None:
        """Print a job's error in full."""
        self._print(text.rstrip())

    def _print(self, line: str) -> None:
        # As Text, so that brackets in a message are not taken for rich's markup.
        self._console.print(Text(line))


def format_assignments(assignments: Mapping[str, Any]) -> str:
    """Return `name=value` pairs with numbers short enough to compare by eye."""
    return " ".join(f"{name}={_short(value)}" for name, value in assignments.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def command(arguments: Sequence[str], multirun: bool = False) -> str:
    """Return the `python train.py …` line that runs the app with these arguments."""
    script = Path(sys.argv[0]).name or "train.py"
    prefix = ["-m", "hydra/sweeper=sigopt"] if multirun else []
    return shlex.join(["python", script, *prefix, *arguments])
