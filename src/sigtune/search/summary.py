"""The summary of a search, whatever ended it: the best, the files, the commands to type next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from sigtune.definition import ranking
from sigtune.definition.experiment import ExperimentDefinition
from sigtune.invocation import config_file_command, config_options, training_command, typed_path
from sigtune.job.outcome import ERROR_NAME
from sigtune.report.best_config import config_of
from sigtune.report.files import write_results
from sigtune.report.job_folders import best_file_name
from sigtune.report.observed import Observed
from sigtune.search.display import Display, format_assignments, format_metrics
from sigtune.search.jobs import Job
from sigtune.search.loop import Search
from sigtune.tuning.connection import failure_line


@dataclass(frozen=True)
class Summary:
    """Prints and writes the result of a search.

    `resume` is the command that resumes it, and `extend` one by which it goes on when its budget is consumed.
    `watch` is where its pages are, or the command that shows them. `sweeps_by_itself` is whether the app's
    config has it search, and not train, where nothing else is asked for.
    `experiment` is SigOpt's Experiment object, as `to_json()` of the client gives it.
    """

    folder: Path
    experiment: Mapping[str, Any]
    definition: ExperimentDefinition
    resume: str
    extend: str | None
    watch: str
    config_name: str
    is_group: Callable[[str], bool]
    sweeps_by_itself: bool

    def show(self, search: Search, display: Display) -> None:
        """Write the files into the sweep's folder and print the summary."""
        display.end_status()
        if search.failed_too_often and search.first_failed is not None:
            self._show_first_error(search.first_failed, search.observed, display)
        if search.unreachable is not None:
            why = failure_line(search.unreachable) or search.unreachable
            display.labelled("stopped", f"{why}; what was trained is kept")
        if search.unwritable is not None:
            display.labelled("stopped", f"{search.unwritable}; what is written there is kept")
        best = ranking.best_of_experiment(search.observed, self.definition)
        try:
            write_results(self.folder, search.observed, best)
        except OSError as error:
            _show_unsaved(Path(error.filename or self.folder), error, display)
        display.table(ranking.best_first(search.observed, self.definition.metrics), best)
        display.labelled("saved", self._saved(search))
        names = [best_file_name(observed.number, len(best)) for observed in best]
        mode = ["hydra.mode=RUN"] if self.sweeps_by_itself else []
        again = [self._show_best(*named, mode, display) for named in zip(best, names, strict=True)]
        self._write_report(search.observed, list(zip(best, again, strict=True)), display)
        display.command("watch", self.watch)
        if self.extend is not None and search.has_consumed_budget:
            display.command("extend", self.extend)
        else:
            display.command("resume", self.resume)

    def _saved(self, search: Search) -> str:
        failed = sum(observed.values is None for observed in search.observed)
        text = f"{len(search.observed)} observed ({failed} failed) in {typed_path(self.folder)}"
        numbers = [str(job.number) for job in search.open_jobs]
        if numbers:
            text += f"; job{'s' if len(numbers) > 1 else ''} {', '.join(numbers)} will be run again"
        return text

    def _show_best(self, observed: Observed, name: str, mode: Sequence[str], display: Display) -> str:
        """Print a best observation, and return the command that trains it again."""
        where = typed_path(observed.folder) if observed.folder else "observed elsewhere"
        number = "" if observed.number is None else f"job {observed.number}  "
        assignments = format_assignments(observed.assignments)
        display.labelled("best", f"{number}{format_metrics(observed)}  {assignments}  {where}")
        again = self._train_again(observed, name, mode, display)
        display.command("again", again)
        return again

    def _write_report(
        self, observations: Sequence[Observed], again: Sequence[tuple[Observed, str]], display: Display
    ) -> None:
        """Write the report; whatever is wrong with it is told in a line, for the search is done."""
        from sigtune.report.search import write_search_report  # NumPy is not needed before

        try:
            report = write_search_report(self.folder, self.experiment, observations, again)
        except Exception as error:  # noqa: BLE001  # a search does not fail for its picture
            display.labelled("report", f"not written: {type(error).__name__}: {error}")
        else:
            display.labelled("report", str(typed_path(report)))

    def _train_again(self, observed: Observed, name: str, mode: Sequence[str], display: Display) -> str:
        """Return the command that trains the observation again, and write the file that it names."""
        overrides = [*observed.overrides, *mode]
        by_overrides = training_command(overrides)
        try:
            config = config_of(overrides, self.config_name, self.is_group)
        except ValueError:  # what no config file can say, a command line can
            return by_overrides
        file = self.folder / f"{name}.yaml"
        again = config_file_command(file)
        try:
            file.write_text(f"# {format_metrics(observed)}\n# {again}\n{OmegaConf.to_yaml(config)}")
        except OSError as error:
            _show_unsaved(file, error, display)
            return by_overrides
        # An app whose configs are elsewhere needs its options for itself, and takes each of them once.
        return by_overrides if config_options() else again

    def _show_first_error(self, job: Job, observations: Sequence[Observed], display: Display) -> None:
        display.labelled("stopped", "too many jobs failed in a row; the first error of this search:")
        errors = [path.read_text() for path in sorted((self.folder / job.folder).rglob(ERROR_NAME))]
        # Not every failure raises: a metric that is missing leaves no traceback.
        reasons = [str(observed.reason) for observed in observations if observed.number == job.number]
        for text in errors or reasons:
            display.error(text)


def _show_unsaved(path: Path, error: OSError, display: Display) -> None:
    """Say which file cannot be written, rather than leave the rest of the summary out."""
    display.labelled("unsaved", f"{typed_path(path)}: {error.strerror or error}")
