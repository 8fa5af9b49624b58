"""Create an experiment, or take up one that exists; and what to say of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from omegaconf import DictConfig

from sigtune.errors import Problem, UsageError
from sigtune.tuning.block import experiment_definition
from sigtune.tuning.connection import connect, describe_backend
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.experiment_class import experiment_class


def open_experiment(block: DictConfig) -> SigOptExperiment:
    """Connect, and take up the experiment named by `sigopt.experiment_id`, or create the block's.

    Raises UsageError where there is no experiment of that ID, or SigOpt refuses the definition.
    """
    from sigopt.exception import ApiException

    connection = connect(block.backend, block.store, block.seed, block.retry_seconds)
    experiment = experiment_class(block)(block.experiment_id, connection)
    try:
        if experiment.experiment_id is None:
            experiment.create_experiment(**experiment_definition(block))
        else:
            experiment.get_experiment_details()
    except ApiException as error:
        if error.status_code == 404 and experiment.experiment_id is not None:
            known = sorted((e.id for e in connection.experiments().fetch().iterate_pages()), key=len)
            raise UsageError([_no_such_experiment(experiment.experiment_id, known)]) from error
        if error.status_code == 400:
            raise UsageError([Problem("sigopt", f"refused by SigOpt: {error.message}")]) from error
        raise
    return experiment


def _no_such_experiment(experiment_id: str, known: Sequence[str]) -> Problem:
    return Problem(
        f"sigopt.experiment_id={experiment_id}",
        "no such experiment",
        "one of " + ", ".join(known[-10:]) if known else "create one first with sigopt.create=true",
    )


def creation_message(
    block: DictConfig, experiment: SigOptExperiment, call: Sequence[str], overrides: Sequence[str]
) -> str:
    """Return what a person sees after `sigopt.create=true`: the ID, and the commands to type next.

    `call` is how the program was called, before the overrides: its path and where its configs are.
    `overrides` are those of this run; the next command keeps all but `sigopt.create`.
    """
    kept = [o for o in overrides if not o.lstrip("+").startswith("sigopt.create=")]
    arguments = shlex.join([*kept, f"sigopt.experiment_id={experiment.experiment_id}"])
    program = shlex.join(["python", *call])
    return "\n".join(
        [
            f'created  experiment {experiment.experiment_id} "{block.name}" · '
            f"{describe_backend(block.backend, block.store)} · {block.observation_budget} observations",
            f"search   {program} -m hydra/sweeper=sigopt {arguments}",
            f"one job  {program} {arguments}",
        ]
    )
