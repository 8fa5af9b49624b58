"""Open the experiment that a `sigopt` block names, or create the one that it defines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from itertools import islice
from typing import Any

from sigtune.errors import Problem, UsageError
from sigtune.tuning.block import SearchBlock
from sigtune.tuning.connection import connect, failure_line
from sigtune.tuning.experiment import SigOptExperiment

# How many experiments are named where one is not found.
_LISTED = 10


def connect_experiment(block: SearchBlock, klass: type[SigOptExperiment]) -> SigOptExperiment:
    """Return the block's experiment, connected; SigOpt is asked for nothing yet.

    Raises UsageError as `sigtune.tuning.connection.connect` does.
    """
    connection = connect(block.backend, block.store, block.seed, block.retry_seconds)
    return klass(block.experiment_id, connection=connection)


def fetch_details(experiment: SigOptExperiment) -> Any:
    """Return SigOpt's Experiment object. Raises UsageError where there is no experiment of that ID."""
    with _errors_of_the_user(experiment):
        return experiment.get_experiment_details()


def create_experiment(experiment: SigOptExperiment, block: SearchBlock) -> None:
    """Create the experiment that the block defines. Raises UsageError where SigOpt refuses the definition."""
    with _errors_of_the_user(experiment):
        experiment.create_experiment(**block.definition)


def change_experiment(experiment: SigOptExperiment, update: Mapping[str, Any]) -> Any:
    """Change these fields of the experiment; return SigOpt's Experiment object.

    Raises UsageError where SigOpt refuses the change.
    """
    with _errors_of_the_user(experiment):
        return experiment.update_experiment(**update)


@contextmanager
def _errors_of_the_user(experiment: SigOptExperiment) -> Iterator[None]:
    """Raise UsageError for what SigOpt answers to a wrong ID or definition; its other errors stay its own."""
    from sigopt.exception import ApiException

    try:
        yield
    except ApiException as error:
        if error.status_code == 404 and experiment.experiment_id is not None:
            newest_first = experiment.connection.experiments().fetch().iterate_pages()
            known = [str(entry.id) for entry in islice(newest_first, _LISTED)]
            raise UsageError([_no_such_experiment(experiment.experiment_id, known)]) from error
        if error.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            what = failure_line(error) or ""
            raise UsageError([Problem("SIGOPT_KEY", what, "a token of this server")]) from error
        if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise UsageError([Problem("sigopt", f"refused by SigOpt: {error.message}")]) from error
        raise


def _no_such_experiment(experiment_id: str, known: Sequence[str]) -> Problem:
    return Problem(
        f"sigopt.experiment_id={experiment_id}",
        "no such experiment",
        "one of " + ", ".join(known) if known else "create one first with sigopt.create=true",
    )
