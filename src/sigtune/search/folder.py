"""The folder of a sweep: which one it is, and that only one sweep works in it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf, flag_override

from sigtune.definition.metadata import SWEEP_FOLDER_KEY, SWEEP_ID_KEY
from sigtune.errors import Problem, UsageError
from sigtune.invocation import typed_overrides
from sigtune.report.journal_events import JOURNAL_NAME
from sigtune.search.journal import Journal
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.overrides import as_overrides

log = logging.getLogger(__name__)

_LOCK_NAME = "sweep.lock"
_OVERRIDE = "hydra.sweep.dir="
_NO_JOURNAL = "%s has no journal any more: the jobs of the search there are not known"


def find_folder(config: DictConfig, details: Any) -> Path:
    """Return the sweep's folder: that of the experiment's earlier sweep, or the one Hydra was given.

    A `hydra.sweep.dir` on the command line goes before both. `details` is SigOpt's Experiment object, None
    where the experiment does not exist yet.
    """
    is_given = any(entry.startswith(_OVERRIDE) for entry in typed_overrides(config))
    if details is not None and not is_given:
        earlier = (details.metadata or {}).get(SWEEP_FOLDER_KEY)
        if earlier is not None and (Path(earlier) / JOURNAL_NAME).exists():
            _check_owner(Path(earlier))
            return Path(earlier)
        if earlier is not None:
            log.warning(f"{_NO_JOURNAL}; {_OVERRIDE}%s trains its open suggestions again", earlier, earlier)
    return Path(str(config.hydra.sweep.dir)).absolute()


def _check_owner(folder: Path) -> None:
    """Raise UsageError where the folder, which the experiment names, is not this user's own."""
    if any(path.stat().st_uid != os.getuid() for path in (folder, folder / JOURNAL_NAME)):
        what = f"is named by the experiment, and belongs to another user ({folder})"
        raise UsageError([Problem("hydra.sweep.dir", what, "give the folder on the command line")])


class SweepFolder:
    """Holds the folder's lock while it is entered, so that two sweeps cannot mix their jobs."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self._lock = FileLock(folder / _LOCK_NAME, timeout=0)

    def __enter__(self) -> SweepFolder:
        """Make and lock the folder. Raises UsageError where a sweep is running in it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise UsageError(
                [
                    Problem(
                        f"hydra.sweep.dir={self.path}",
                        "a sweep is running in this folder",
                        "wait for it, or give another hydra.sweep.dir",
                    )
                ]
            ) from None
        except OSError as error:  # after Timeout, which is one
            what = f"cannot be written to: {error.strerror or error}"
            raise UsageError([Problem(f"hydra.sweep.dir={self.path}", what, "another folder")]) from error
        return self

    def __exit__(self, *raised: object) -> None:
        self._lock.release()

    def remove_if_unused(self) -> None:
        """Leave nothing behind of a sweep that was refused."""
        (self.path / _LOCK_NAME).unlink(missing_ok=True)
        with suppress(OSError):  # it holds something else
            self.path.rmdir()

    def check_journal(self, experiment_id: str | None) -> None:
        """Raise UsageError where the folder holds the jobs of another experiment; None is a new one."""
        journal = Journal(self.path)
        if journal.experiment_id not in (None, experiment_id):
            raise UsageError(
                [
                    Problem(
                        f"hydra.sweep.dir={self.path}",
                        f"holds the jobs of experiment {journal.experiment_id}",
                        f"sigopt.experiment_id={journal.experiment_id} resumes it",
                    )
                ]
            )

    def journal_for(self, experiment: SigOptExperiment, metadata: Mapping[str, Any] | None) -> Journal:
        """Return the journal of the experiment's jobs; have its place in the experiment's `metadata`.

        One that was lost is begun anew, under the same name: what its search had drawn is trained again.
        """
        journal = Journal(self.path)
        assert experiment.experiment_id is not None
        known = metadata or {}
        if journal.experiment_id is None:
            was_here = known.get(SWEEP_FOLDER_KEY) == str(self.path)
            if was_here:
                log.warning(_NO_JOURNAL, self.path)
            journal.begin(experiment.experiment_id, known.get(SWEEP_ID_KEY) if was_here else None)
        place = {SWEEP_FOLDER_KEY: str(self.path), SWEEP_ID_KEY: journal.sweep_id}
        if not place.items() <= known.items():
            experiment.update_metadata({**known, **place})
        return journal


def use_folder(config: DictConfig, folder: Path) -> None:
    """Make the folder the sweep folder of every job; each composes its config from the overrides again.

    It is resolved: with ${now:} in it each worker process would have a folder of its own.
    """
    hydra = OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)
    assert isinstance(hydra, list)
    others = [entry for entry in hydra if not str(entry).startswith(_OVERRIDE)]
    # Hydra 1.4 makes each section read-only in itself.
    sections = (config, config.hydra, config.hydra.sweep, config.hydra.overrides)
    with ExitStack() as stack:
        for section in sections:
            stack.enter_context(flag_override(section, ["readonly", "struct"], [False, False]))
        config.hydra.sweep.dir = str(folder)
        config.hydra.overrides.hydra = [*others, *as_overrides({"hydra.sweep.dir": str(folder)})]
