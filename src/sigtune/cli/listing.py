"""`sigtune list`: the experiments, newest first, those of the module interface (AI experiments) too."""

from __future__ import annotations

import argparse
from typing import Any

from sigtune.cli.options import add_backend, connected
from sigtune.cli.text import print_table, values_text


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("list", help="list the experiments", description=__doc__)
    add_backend(parser)
    parser.add_argument("--project", help="only those of this project")
    parser.add_argument("--state", choices=("active", "deleted", "all"), default="active")
    parser.add_argument("--limit", type=int, default=20, help="at most so many (default: 20)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print a line for each experiment."""
    with connected(options) as connection:
        endpoint: Any = connection
        if options.project:
            client = connection.tokens("self").fetch().client
            endpoint = connection.clients(client).projects(options.project)
        asked = {"state": options.state, "limit": options.limit, "include_ai": True}
        page = endpoint.experiments().fetch(**asked).to_json()
    rows = [("id", "name", "project", "observations", "best")]
    rows += [_row(experiment) for experiment in page["data"]]
    print_table(rows)
    if page["count"] > len(page["data"]):
        print(f"… and {page['count'] - len(page['data'])} more: --limit {page['count']}")


def _row(experiment: dict[str, Any]) -> tuple[str, str, str, str, str]:
    progress = experiment["progress"]
    counted, budget = "observation_count", experiment.get("observation_budget")
    if experiment["runs_only"]:
        counted, budget = "finished_run_count", experiment.get("budget")
    count = f"{progress[counted]}" + ("" if budget is None else f"/{budget}")
    best = progress.get("best_observation")
    name = experiment["name"] + (" (archived)" if experiment["state"] == "deleted" else "")
    return (
        experiment["id"],
        name,
        experiment["project"] or "",
        count,
        "" if best is None else values_text(best["values"]),
    )
