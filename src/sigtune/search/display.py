"""What a person sees of a search: one stable line per job, and on a terminal a line on how it stands."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sigtune.definition import ranking
from sigtune.definition.experiment import ExperimentDefinition
from sigtune.report.observed import Observed, metric_names, parameter_names
from sigtune.terminal import LABEL_WIDTH, command_lines, wrapped


class Display:
    """Prints to the terminal, or plainly to wherever the output goes."""

    def __init__(self, budget: int | None) -> None:
        self._budget = budget
        self._console = Console(highlight=False, soft_wrap=True, width=_width())
        self._live: Live | None = None
        self._status = ""
        self._begun = time.monotonic()
        self._ended = 0

    def labelled(self, label: str, text: str) -> None:
        """Print a line that begins with what it is about."""
        self._print(f"{label:<{LABEL_WIDTH}} {text}")

    def command(self, label: str, command: str) -> None:
        """Print a command: on a terminal in lines that fit, which are typed or copied as they are."""
        if not self._console.is_terminal:
            self.labelled(label, command)
            return
        first, *others = command_lines(command, self._console.width - LABEL_WIDTH - 1)
        self.labelled(label, first)
        for line in others:
            self.labelled("", line)

    def heading(self, experiment_id: str, name: str, backend: str, slots: int) -> None:
        """Print which search it is, where, and how much of it there is to run."""
        budget = "no budget" if self._budget is None else f"{self._budget} observations"
        self.labelled(
            "sweep", f'experiment {experiment_id} "{name}" · {backend} · {budget} · {format_slots(slots)}'
        )

    def few_slots(self, launcher: str, slots: int) -> None:
        """Say that the launcher leaves slots unused, and what would use them."""
        jobs = f"{slots} job{'' if slots == 1 else 's'}"
        remedy = "hydra.launcher.n_jobs=-1" if launcher == "joblib" else "hydra/launcher=joblib"
        self.labelled("", f"the {launcher} launcher runs {jobs} at a time; {remedy} keeps all slots busy")

    def few_points(self, points: int, budget: int) -> None:
        """Say that the budget is more than there is to try."""
        self.labelled("", f"the space has {points} points: of {budget} observations some repeat others")

    def job(
        self,
        observed: Observed,
        consumed: float,
        seconds: float,
        is_best: bool,
        error_log: Path | None,
        goes_on: bool,
    ) -> None:
        """Print how a job ended: its metrics and assignments, or why it failed and whether more are tried.

        `consumed` is what all observations so far have consumed of the budget.
        """
        self._ended += 1
        count = self._count(observed, consumed)
        if observed.values is None:
            where = f" ({error_log})" if error_log else ""
            then = "reported, continuing" if goes_on else "reported"
            self._print(f"{count:>7}  FAILED  {observed.reason}{where}  {then}  {seconds:.0f}s")
            return
        star = "★" if is_best else " "
        assignments = format_assignments(observed.assignments)
        self._print(f"{count:>7}  {format_metrics(observed)} {star}  {assignments}  {seconds:.0f}s")

    def _count(self, observed: Observed, consumed: float) -> str:
        """Return the number of a job, and how much of the budget is consumed: with tasks that is a cost."""
        if not self._budget:
            return str(observed.number)
        if observed.task is None:
            return f"{observed.number}/{self._budget}"
        return f"{observed.number} ({consumed:g}/{self._budget})"

    def lost(self, run: str, reason: str, times: int, most: int) -> None:
        """Print that the infrastructure took a run, which is not a failure."""
        self._print(f"{run:>7}  LOST  {reason}  runs again from its last checkpoint ({times} of {most})")

    def retried(self, run: str, reason: str, times: int, most: int) -> None:
        """Print that a run failed, and is tried again before that is reported."""
        self._print(f"{run:>7}  FAILED  {reason}  is tried again ({times} of {most})")

    def status(
        self,
        running: int,
        slots: int,
        observed: Sequence[Observed],
        consumed: float,
        definition: ExperimentDefinition,
    ) -> None:
        """Say how the search stands in a line that the next one replaces; on a terminal only."""
        if not self._console.is_terminal:
            return
        best = ranking.best_of_experiment(observed, definition)
        parts = [f"{running} of {format_slots(slots)} busy"]
        if self._budget:
            parts.append(f"{consumed:g}/{self._budget} observed")
        if best:
            parts.append(f"best {format_metrics(best[0])}")
        if self._budget and self._ended:
            jobs_left = (self._budget - consumed) * len(observed) / max(consumed, 1e-9)
            left = (time.monotonic() - self._begun) / self._ended * max(0.0, jobs_left)
            parts.append(f"about {_duration(left)} left")
        self._status = visible("         " + " · ".join(parts))
        if self._live is None:
            self._live = Live(
                get_renderable=lambda: Text(self._status, style="dim", no_wrap=True, overflow="ellipsis"),
                console=self._console,
                refresh_per_second=2,
                transient=True,
            )
            self._live.start()

    def end_status(self) -> None:
        """Take the status line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def table(self, observations: Sequence[Observed], best: Sequence[Observed]) -> None:
        """Print every observation with its metrics and assignments, the best marked."""
        if not observations:
            return
        table = Table(box=SIMPLE)
        metrics, parameters = metric_names(observations), parameter_names(observations)
        for heading in ("", "job", *metrics, *parameters):
            table.add_column(_cell(heading), justify="right", no_wrap=True)
        for observed in observations:
            values = observed.values or {}
            cells = [
                "★" if observed in best else "",
                "-" if observed.number is None else str(observed.number),
                *(f"{values[name]:.4f}" if name in values else "failed" for name in metrics),
                *(_short(observed.assignments.get(name, "")) for name in parameters),
            ]
            table.add_row(*map(_cell, cells))
        # A table that does not fit says less than the lines above it did.
        if self._console.measure(table).maximum <= self._console.width:
            self._console.print(table)

    def error(self, text: str) -> None:
        """Print a job's error in full."""
        self._print(text.rstrip())

    def _print(self, line: str) -> None:
        line = visible(line)
        if self._console.is_terminal:
            line = "\n".join(wrapped(line, self._console.width, LABEL_WIDTH + 1))
        self._console.print(Text(line))  # rich would take brackets in a message for its markup


def _width() -> int | None:
    """Return how wide the output is: off a terminal, where nobody knows, wide enough for a table."""
    return None if sys.stdout.isatty() else 200


def visible(text: str) -> str:
    """Return the text with control characters, which could rewrite a terminal's lines, written out."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else ascii(character)[1:-1]
        for character in text
    )


def _cell(text: str) -> Text:
    """Return what a table shows as it is: rich would take brackets in it for its markup."""
    return Text(visible(text))


def format_metrics(observed: Observed) -> str:
    """Return the observation's metrics, with the standard deviations of those that have one."""
    deviations = {name: f" ± {value:.4f}" for name, value in observed.deviations.items()}
    values = observed.values or {}
    return " ".join(f"{name} {value:.4f}{deviations.get(name, '')}" for name, value in values.items())


def format_assignments(assignments: Mapping[str, Any]) -> str:
    """Return `name=value` pairs with numbers short enough to compare by eye."""
    return " ".join(f"{name}={_short(value)}" for name, value in assignments.items())


def format_slots(count: int) -> str:
    """Return `1 slot`, `2 slots`."""
    return f"{count} slot{'' if count == 1 else 's'}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
