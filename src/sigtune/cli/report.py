"""`sigtune report ID`: the report of an experiment, one HTML file, and pictures of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from sigtune.cli.options import add_backend, add_experiment, connected
from sigtune.errors import Problem, UsageError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("report", help="write the report of an experiment", description=__doc__)
    add_backend(parser)
    add_experiment(parser)
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="where to write it (default: the folder of its search, or else report_ID)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write report.html and, where matplotlib is installed, history.png and parallel_coordinates.png."""
    with connected(options) as connection:
        endpoint = connection.experiments(options.experiment)
        experiment = endpoint.fetch().to_json()
        observations = [item.to_json() for item in endpoint.observations().fetch().iterate_pages()]
    observations.reverse()  # the oldest first
    from sigtune.report.content import Background
    from sigtune.report.job_folders import again_commands, job_folders, sweep_folder
    from sigtune.report.results import results_from_json
    from sigtune.report.search import experiment_facts
    from sigtune.report.write import write_report

    results, sweep = results_from_json(experiment, observations), sweep_folder(experiment)
    folder = options.to or sweep or Path(f"report_{experiment['id']}")
    background = Background(
        facts=experiment_facts(experiment, sweep),
        folders=job_folders(sweep, results) if sweep else {},
        commands=again_commands(sweep, results) if sweep else {},
        draws_model=True,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = write_report(folder, results, background)
    except OSError as error:
        raise UsageError([Problem("--to", f"{folder} cannot be written: {error.strerror}")]) from error
    for path in written:
        print(path)
    if len(written) == 1 and results.succeeded:
        print("no pictures: they need matplotlib, pip install 'sigtune[report]'")
