"""`sigopt.create=true`: create the experiment, and say what to type next."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sigtune.checks.run import CheckedRun
from sigtune.invocation import job_command, search_command
from sigtune.terminal import LABEL_WIDTH, print_command, print_wrapped
from sigtune.tuning.connection import describe_backend, log_backend
from sigtune.tuning.opening import create_experiment


def create(run: CheckedRun, overrides: Sequence[str]) -> None:
    """Create the experiment of a run whose overrides these are; print its ID and the next commands."""
    block, experiment = run.block, run.experiment
    assert experiment is not None
    log_backend(block.backend)
    create_experiment(experiment, block)
    assert experiment.experiment_id is not None
    budget = block.definition.get("observation_budget")
    budget_text = "no budget" if budget is None else f"{budget} observations"
    backend = describe_backend(block.backend, block.store)
    name = block.definition["name"]
    created = f'created  experiment {experiment.experiment_id} "{name}" · {backend} · {budget_text}'
    print_wrapped(created, LABEL_WIDTH + 1, sys.stdout)
    print_command("search", search_command(experiment.experiment_id, overrides))
    print_command("one job", job_command(experiment.experiment_id, overrides))
