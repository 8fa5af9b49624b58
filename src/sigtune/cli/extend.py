"""`sigtune extend ID --budget N`: let an experiment go on to another number of observations."""

from __future__ import annotations

import argparse

from sigtune.cli.options import add_backend, add_experiment, connected


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("extend", help="change the observation budget", description=__doc__)
    add_backend(parser)
    add_experiment(parser)
    parser.add_argument("--budget", type=int, required=True, help="the new observation budget, in all")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Set the budget."""
    with connected(options) as connection:
        experiment = connection.experiments(options.experiment).fetch().to_json()
        field, kind = "observation_budget", connection.experiments
        if experiment["runs_only"]:  # made by the module interface: its budget counts training runs
            field, kind = "budget", connection.aiexperiments
        after = kind(options.experiment).update(**{field: options.budget}).to_json()[field]
    print(f"experiment {options.experiment}: {field.replace('_', ' ')} {after} (was {experiment[field]})")
