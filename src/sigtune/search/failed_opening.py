"""The end of a search whose folder is damaged or cannot be written to when it is to begin."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigtune.checks.search import OpenedSearch
from sigtune.errors import DamagedFileError, UnwritableFileError
from sigtune.invocation import typed_path
from sigtune.search.display import Display
from sigtune.search.request import SearchRequest


@contextmanager
def ending_where_files_fail(request: SearchRequest, search: OpenedSearch, folder: Path) -> Iterator[None]:
    """Print what is wrong with a file, what is saved and how to resume, and end the process.

    The exit code is 2 where a file is damaged, 1 where one cannot be written.
    """
    try:
        yield
    except DamagedFileError as error:
        print(f"error: a file of this search is damaged\n{error}", file=sys.stderr)
        _show_what_is_saved(request, search, folder)
        raise SystemExit(2) from error
    except UnwritableFileError as error:
        print(f"error: a file cannot be written\n{error}", file=sys.stderr)
        _show_what_is_saved(request, search, folder)
        raise SystemExit(1) from error


def _show_what_is_saved(request: SearchRequest, search: OpenedSearch, folder: Path) -> None:
    display = Display(None)
    experiment = search.experiment
    if experiment is None or experiment.experiment_id is None:
        display.labelled("saved", "nothing: no experiment was created")
        return
    count = search.details.progress.observation_count if search.details is not None else 0
    display.labelled("saved", f"{count} observed; the jobs' folders are kept in {typed_path(folder)}")
    display.command("resume", request.resume_command(experiment.experiment_id))
