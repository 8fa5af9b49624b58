"""`sigtune show ID`: an experiment, its observations and its open suggestions."""

from __future__ import annotations

import argparse
from typing import Any

from sigtune.cli.options import add_backend, add_experiment, connected
from sigtune.cli.text import assignments_text, number, print_table, printable, values_text


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("show", help="show an experiment", description=__doc__)
    add_backend(parser)
    add_experiment(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the experiment's properties, observations and open suggestions."""
    with connected(options) as connection:
        endpoint = connection.experiments(options.experiment)
        experiment = endpoint.fetch().to_json()
        observations = [item.to_json() for item in endpoint.observations().fetch().iterate_pages()]
        waiting = [item.to_json() for item in endpoint.suggestions().fetch(state="open").iterate_pages()]
    _print_properties(experiment)
    print(f"\n{len(observations)} observations")
    if observations:
        print_table([("id", "suggestion", "values", "assignments"), *map(_observation_row, observations)])
    print(f"\n{len(waiting)} open suggestions")
    if waiting:
        rows = [(item["id"], assignments_text(item["assignments"])) for item in waiting]
        print_table([("id", "assignments"), *rows])


def _print_properties(experiment: dict[str, Any]) -> None:
    print(f"experiment {experiment['id']}: {printable(experiment['name'])} ({experiment['state']})")
    for field in ("project", "type", "observation_budget", "budget", "parallel_bandwidth", "num_solutions"):
        if experiment.get(field) is not None:
            print(f"  {field}: {printable(experiment[field])}")
    for name, value in (experiment["metadata"] or {}).items():
        print(f"  metadata.{printable(name)}: {printable(value)}")
    for parameter in experiment["parameters"]:
        print(f"  parameter {printable(parameter['name'])}: {parameter['type']} {_domain(parameter)}")
    for metric in experiment["metrics"]:
        threshold = "" if metric["threshold"] is None else f", threshold {number(metric['threshold'])}"
        name = printable(metric["name"] or "value")
        print(f"  metric {name}: {metric['objective']}, {metric['strategy']}{threshold}")


def _domain(parameter: dict[str, Any]) -> str:
    transformation = f", {parameter['transformation']}" if parameter["transformation"] else ""
    if parameter["categorical_values"]:
        return "one of " + ", ".join(printable(value["name"]) for value in parameter["categorical_values"])
    if parameter.get("grid"):
        return "one of " + ", ".join(number(value) for value in parameter["grid"]) + transformation
    bounds = parameter["bounds"]
    return f"{number(bounds['min'])} to {number(bounds['max'])}{transformation}"


def _observation_row(observation: dict[str, Any]) -> tuple[str, str, str, str]:
    values = "failed" if observation["failed"] else values_text(observation["values"])
    suggestion = observation["suggestion"] or ""
    return observation["id"], suggestion, values, assignments_text(observation["assignments"])
