"""How good suggestions are, beside those of other optimizers, on problems with known values.

Each cell is a search: a problem, an optimizer and a seed. Its regrets after 10, 20, 30 and 60 observations
are appended to a file as soon as it is done, so a run can be stopped and continued. Development seeds
are for settling questions of design, final ones for the figures of a release: they are run once, then.

    python benchmarks/suggestion_quality.py --quick                    # five minutes
    python benchmarks/suggestion_quality.py --results results.jsonl    # two hours on two quiet cores
    python benchmarks/suggestion_quality.py --results results.jsonl --final
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
from suggestion_quality_peers import OPTIMIZERS
from suggestion_quality_problems import Problem, Values, all_problems
from suggestion_quality_report import print_report

CHECKPOINTS = (10, 20, 30, 60)
DEVELOPMENT_SEEDS = range(100, 110)
FINAL_SEEDS = range(200, 210)
QUICK_PROBLEMS = ("branin", "hartmann6", "learning rates, noise", "mixed", "crash region")


def main() -> None:
    arguments = parsed()
    seeds = list(FINAL_SEEDS if arguments.final else DEVELOPMENT_SEEDS)[: arguments.seeds]
    most = arguments.observations
    problems = {problem.name: problem for problem in all_problems()}
    names = arguments.problems or list(QUICK_PROBLEMS if arguments.quick else problems)
    optimizers = arguments.optimizers or list(OPTIMIZERS)
    done = {cell_of(row) for row in rows_in(arguments.results)}
    # Seed by seed, so that a run that is stopped has every problem and every optimizer.
    cells = [cell for cell in product(seeds, names, optimizers) if cell not in done]
    with get_context("spawn").Pool(arguments.processes) as pool:
        work = [(problem, optimizer, seed, most) for seed, problem, optimizer in cells]
        for row in pool.imap_unordered(search, work):
            with arguments.results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            shown = " ".join(f"{count}: {regret:.4g}" for count, regret in row["regrets"].items())
            print(f"{row['problem']:24s} {row['optimizer']:12s} {row['seed']}  {shown}", flush=True)
    wanted = set(product(seeds, names, optimizers))
    print_report([row for row in rows_in(arguments.results) if cell_of(row) in wanted])


def parsed() -> argparse.Namespace:
    parser = option_parser(__doc__)
    parser.add_argument("--results", type=Path, default=Path("suggestion_quality.jsonl"))
    parser.add_argument("--final", action="store_true", help="the seeds of a release's figures")
    parser.add_argument("--problems", nargs="+", metavar="NAME")
    parser.add_argument("--optimizers", nargs="+", choices=list(OPTIMIZERS))
    parser.add_argument("--seeds", type=int, default=None, help="how many")
    parser.add_argument("--observations", type=int, default=None)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    arguments.seeds = arguments.seeds or (2 if arguments.quick else 10)
    arguments.observations = arguments.observations or (20 if arguments.quick else 60)
    return arguments


def cell_of(row: dict[str, Any]) -> tuple[int, str, str]:
    return row["seed"], row["problem"], row["optimizer"]


def rows_in(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        yield from map(json.loads, file.read_text().splitlines())


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
            regrets[len(points)] = finite(regret_of(problem, points, reported))
    return {
        "problem": name,
        "optimizer": optimizer_name,
        "seed": seed,
        "regrets": regrets,
        "failures": reported.count(None),
        "cpu_seconds_per_suggestion": seconds / most,
    }


def regret_of(problem: Problem, points: list[Assignments], reported: list[Values | None]) -> float:
    return problem.worth(points, reported)


def finite(regret: float) -> float:
    return regret if math.isfinite(regret) else 1e9  # JSON has no infinity


if __name__ == "__main__":
    main()
