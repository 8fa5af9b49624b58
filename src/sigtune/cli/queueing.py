"""`sigtune queue ID name=value …`: have a point tried before those that the optimizer chooses."""

from __future__ import annotations

import argparse
from typing import Any

from sigtune.cli.options import add_backend, add_experiment, connected
from sigtune.errors import Problem, UsageError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("queue", help="queue a point", description=__doc__)
    add_backend(parser)
    add_experiment(parser)
    parser.add_argument("assignments", nargs="+", metavar="name=value", help="a value of each parameter")
    parser.add_argument("--task", help="the task, in a multitask experiment")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Queue the point."""
    with connected(options) as connection:
        endpoint = connection.experiments(options.experiment)
        assignments = parse_assignments(options.assignments, endpoint.fetch().to_json())
        task = {"task": options.task} if options.task else {}
        queued = endpoint.queued_suggestions().create(assignments=assignments, **task)
    print(f"queued suggestion {queued.id} of experiment {options.experiment}")


def parse_assignments(given: list[str], experiment: dict[str, Any]) -> dict[str, Any]:
    """Return the assignments, numbers as numbers; raises UsageError for what is not name=value."""
    words = {item["name"] for item in experiment["parameters"] if item["type"] == "categorical"}
    words |= {item["name"] for item in experiment["conditionals"]}
    assignments: dict[str, Any] = {}
    problems = []
    for item in given:
        name, equals, text = item.partition("=")
        try:
            assignments[name] = text if name in words else float(text)
        except ValueError:
            problems.append(Problem(item, "expected name=number" if equals else "expected name=value"))
    if problems:
        raise UsageError(problems)
    return assignments
