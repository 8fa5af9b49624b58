"""CPU seconds of one suggestion from a model, at 6 parameters: medians of fifteen, and the slowest of them.

What a suggestion should cost at most: 0.3 s at 50 observations, 1 s at 300, 2 s at 1,000 and 3 s at 10,000.

    python benchmarks/suggestion_cost.py
    python benchmarks/suggestion_cost.py --quick
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence

from options import read_options
from sigtune.definition.experiment import ExperimentDefinition, Observation, Suggestion
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments, Parameter
from sigtune.optimizer.space_filling import fill
from sigtune.optimizer.suggest import suggest

LIMITS = {10: 0.3, 50: 0.3, 300: 1.0, 1_000: 2.0, 10_000: 3.0}
OPEN = (0, 16)
REPEATS = 15
OF_EACH_KIND = 50

PARAMETERS = tuple(Parameter(f"x{index}", "double", bounds=(0.0, 1.0)) for index in range(6))
SCORE, COST = Metric("score"), Metric("cost", "minimize")
LIMIT = Metric("limit", "minimize", "constraint", threshold=2.5)

Values = dict[str, float]


def score(point: Assignments) -> float:
    """Return a bowl whose sides are unequally steep."""
    return -sum((float(value) - 0.3) ** 2 * (index + 1) for index, value in enumerate(point.values()))


def exact(point: Assignments) -> Values:
    squares = sum(float(value) ** 2 for value in point.values())
    return {"score": score(point), "cost": squares, "limit": squares}


def noisy(point: Assignments) -> Values:
    return {"score": score(point) + 1.5 * random.Random(str(point)).gauss(0, 1)}


def failing(point: Assignments) -> Values | None:
    return None if sum(float(value) for value in point.values()) > 3.6 else exact(point)


Evaluate = Callable[[Assignments], Values | None]
KINDS: dict[str, tuple[Sequence[Metric], Evaluate]] = {
    "much noise": ((SCORE,), noisy),
    "some jobs failed": ((SCORE,), failing),
    "a constraint": ((SCORE, LIMIT), exact),
    "two metrics": ((SCORE, COST), exact),
    "two, and a constraint": ((SCORE, COST, LIMIT), exact),
}


def main() -> None:
    most = 300 if read_options(__doc__).quick else max(LIMITS)
    counts = [count for count in LIMITS if count <= most]
    points = fill(ExperimentDefinition(PARAMETERS, (SCORE,)), most + max(OPEN), seed=3)
    measured((SCORE,), exact, points, 10, 0)  # imports
    print(f"{'observations':30s} limit   " + "   ".join(f"{count:13d} open" for count in OPEN))
    for count in counts:
        print_row(f"{count:,}", LIMITS[count], (SCORE,), exact, points, count)
    for name, (metrics, evaluate) in KINDS.items():
        print_row(f"{OF_EACH_KIND}, {name}", LIMITS[OF_EACH_KIND], metrics, evaluate, points, OF_EACH_KIND)


def print_row(
    name: str,
    limit: float,
    metrics: Sequence[Metric],
    evaluate: Evaluate,
    points: Sequence[Assignments],
    count: int,
) -> None:
    seconds = [measured(metrics, evaluate, points, count, number) for number in OPEN]
    shown = "   ".join(f"{statistics.median(each):5.2f} s, {max(each):5.2f} s " for each in seconds)
    print(f"{name:30s} {limit:4.1f} s   {shown}", flush=True)


def measured(
    metrics: Sequence[Metric], evaluate: Evaluate, points: Sequence[Assignments], count: int, number: int
) -> list[float]:
    """Return CPU seconds of several suggestions of different random numbers, with `number` of them open."""
    definition = ExperimentDefinition(PARAMETERS, tuple(metrics))
    outcomes = [Observation(point, evaluate(point)) for point in points[:count]]
    waiting = [Suggestion(point) for point in points[count : count + number]]
    seconds = []
    for repeat in range(REPEATS):
        start = time.process_time()
        suggest(definition, outcomes, waiting, count + repeat, 0)
        seconds.append(time.process_time() - start)
    return seconds


if __name__ == "__main__":
    main()
