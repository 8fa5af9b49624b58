"""How good suggestions are, beside those of other optimizers, on problems with known values.

Each cell is a search: a problem, an optimizer, a seed and a number of observations. Its regrets after 10, 20,
30 and 60 of them are appended to a file as soon as it is done, so a run can be stopped and continued.
Searches of 60 are searches of their own: SMAC plans by the number. Development seeds are for settling
questions of design, final ones for the figures of a release: they are run once, then. Where such figures have
led to a decision, its effect is seen with the seeds of a confirmation, which no decision knows.

    python benchmarks/suggestion_quality.py --quick                    # five minutes
    python benchmarks/suggestion_quality.py --final                    # to be stopped and continued
    python benchmarks/suggestion_quality.py --final --observations 60  # longer ones, beside those of 30
    python benchmarks/suggestion_quality.py --final --report           # what there is, into README and docs
    python benchmarks/suggestion_quality.py --final --report --problems zdt1 dtlz2  # those alone, printed
    python benchmarks/suggestion_quality.py --final --confirmation --report  # both together, printed
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from options import option_parser
from sigtune.definition.parameters import Assignments
from suggestion_quality_peers import OPTIMIZERS, installed
from suggestion_quality_problems import LONGEST, Values, all_problems
from suggestion_quality_report import length_of, print_report, write_documents

CHECKPOINTS = (10, 20, 30, LONGEST)
DEVELOPMENT_SEEDS = range(100, 110)
FINAL_SEEDS = range(210, 220)
CONFIRMATION_SEEDS = range(220, 230)
QUICK_PROBLEMS = ("branin", "hartmann6", "learning rates, noise", "mixed", "crash region")
RESULTS = Path(__file__).resolve().parent / "results" / "suggestion_quality.jsonl"


def main() -> None:
    arguments = parsed()
    seeds = seeds_of(arguments)
    kinds = {problem.name: problem.kind for problem in all_problems()}
    if not arguments.report:
        run_missing(arguments, seeds[: arguments.seeds], list(kinds))
    problems = arguments.problems or list(kinds)
    optimizers = arguments.optimizers or list(OPTIMIZERS)
    rows = [
        row
        for row in rows_in(arguments.results)
        if row["seed"] in seeds and row["problem"] in problems and row["optimizer"] in optimizers
    ]
    print_report(rows, kinds)
    narrowed = arguments.problems or arguments.optimizers or arguments.confirmation
    if arguments.report and arguments.final and not narrowed:
        write_documents(rows, kinds)


def seeds_of(arguments: argparse.Namespace) -> list[int]:
    final = FINAL_SEEDS if arguments.final else ()
    confirmation = CONFIRMATION_SEEDS if arguments.confirmation else ()
    return [*final, *confirmation] or list(DEVELOPMENT_SEEDS)


def parsed() -> argparse.Namespace:
    parser = option_parser(__doc__)
    parser.add_argument("--results", type=Path, default=None, help="the file that is appended to")
    parser.add_argument("--final", action="store_true", help="the seeds of a release's figures")
    parser.add_argument("--confirmation", action="store_true", help="seeds that no decision knows")
    parser.add_argument("--report", action="store_true", help="run nothing; write the tables")
    parser.add_argument(
        "--problems", nargs="+", choices=[each.name for each in all_problems()], metavar="NAME"
    )
    parser.add_argument("--optimizers", nargs="+", choices=list(OPTIMIZERS))
    parser.add_argument("--seeds", type=int, metavar="N", help="how many, all unless given")
    parser.add_argument("--observations", type=int, choices=CHECKPOINTS, default=None)
    parser.add_argument("--processes", type=int, default=None, help="two, unless given")
    arguments = parser.parse_args()
    if arguments.report:
        of_runs = {name: getattr(arguments, name) for name in ("quick", "seeds", "observations", "processes")}
        given = [f"--{name}" for name, value in of_runs.items() if value]
        if given:
            parser.error(f"--report runs nothing and reads all there is: it takes no {', '.join(given)}")
    arguments.processes = arguments.processes or 2
    there_are = len(seeds_of(arguments))
    if arguments.seeds is not None and not 0 < arguments.seeds <= there_are:
        parser.error(f"there are {there_are} seeds, so --seeds is from 1 to {there_are}")
    arguments.seeds = arguments.seeds or (2 if arguments.quick else there_are)
    arguments.observations = arguments.observations or (20 if arguments.quick else 30)
    of_release = arguments.final or arguments.confirmation
    arguments.results = arguments.results or (RESULTS if of_release else Path("suggestion_quality.jsonl"))
    return arguments


def run_missing(arguments: argparse.Namespace, seeds: list[int], problems: list[str]) -> None:
    """Run the searches that the results do not have."""
    names = arguments.problems or list(QUICK_PROBLEMS if arguments.quick else problems)
    optimizers = arguments.optimizers or installed()
    for missing in sorted(set(OPTIMIZERS) - set(installed())):
        print(f"not installed, left out: {missing}")
    done = {
        (row["seed"], row["problem"], row["optimizer"], length_of(row)) for row in rows_in(arguments.results)
    }
    work = []
    # Seed by seed, so that a run that is stopped has every problem and every optimizer.
    for seed, problem, optimizer in product(seeds, names, optimizers):
        if (seed, problem, optimizer, arguments.observations) not in done:
            work.append((problem, optimizer, seed, arguments.observations))
    with get_context("spawn").Pool(arguments.processes) as pool:
        for row in pool.imap_unordered(attempted, work):
            if isinstance(row, str):  # the cell stays open, and is tried again when the run is continued
                print(row, flush=True)
                continue
            with arguments.results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            shown = " ".join(f"{count}: {regret:.4g}" for count, regret in row["regrets"].items())
            print(f"{row['problem']:24s} {row['optimizer']:12s} {row['seed']}  {shown}", flush=True)


def rows_in(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        yield from map(json.loads, file.read_text().splitlines())


def attempted(work: tuple[str, str, int, int]) -> dict[str, Any] | str:
    """Run one search; return what `search` does, or in a line which error ended it."""
    try:
        return search(work)
    except Exception as error:  # noqa: BLE001  # a peer's error ends no run of hours
        problem, optimizer, seed, _ = work
        return f"{problem:24s} {optimizer:12s} {seed}  ended by {type(error).__name__}: {error}"


def search(work: tuple[str, str, int, int]) -> dict[str, Any]:
    """Run one search; return its regrets at the checkpoints and the CPU seconds of a suggestion."""
    name, optimizer_name, seed, most = work
    problem = next(problem for problem in all_problems() if problem.name == name)
    optimizer = OPTIMIZERS[optimizer_name](problem.definition, seed)
    slots: dict[int, Assignments] = {}
    order = random.Random(seed)
    points: list[Assignments] = []
    reported: list[Values | None] = []
    regrets: dict[int, float] = {}
    seconds = 0.0
    while len(points) < most:
        while len(slots) < problem.slots:
            start = time.process_time()
            number, point = optimizer.ask()
            seconds += time.process_time() - start
            slots[number] = point
        number = order.choice(sorted(slots))
        point = slots.pop(number)
        values = problem.observe(point, len(points), seed)
        optimizer.tell(number, values)
        points.append(point)
        reported.append(values)
        if len(points) in CHECKPOINTS:
            regrets[len(points)] = finite(problem.worth(points, reported))
    return {
        "problem": name,
        "optimizer": optimizer_name,
        "seed": seed,
        "regrets": regrets,
        "failures": reported.count(None),
        "cpu_seconds_per_suggestion": seconds / most,
    }


def finite(regret: float) -> float:
    return regret if math.isfinite(regret) else 1e9  # JSON has no infinity


if __name__ == "__main__":
    main()
