"""CPU seconds of one suggestion from a model, at 6 parameters, after more and more observations.

What a suggestion should cost at most: 0.3 s at 50 observations, 1 s at 300, 2 s at 1,000 and 3 s at 10,000.

    python benchmarks/suggestion_cost.py
    python benchmarks/suggestion_cost.py --quick
"""

from __future__ import annotations

import statistics
import time

from options import read_options
from sigtune.definition.experiment import ExperimentDefinition, Observation, Suggestion
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments, Parameter
from sigtune.optimizer.space_filling import fill
from sigtune.optimizer.suggest import suggest

LIMITS = {10: 0.3, 50: 0.3, 300: 1.0, 1_000: 2.0, 10_000: 3.0}
OPEN = (0, 16)
REPEATS = 15

PARAMETERS = tuple(Parameter(f"x{index}", "double", bounds=(0.0, 1.0)) for index in range(6))
DEFINITION = ExperimentDefinition(PARAMETERS, (Metric("score"),))


def main() -> None:
    most = 300 if read_options(__doc__).quick else max(LIMITS)
    points = fill(DEFINITION, most + max(OPEN), seed=3)
    outcomes = [Observation(point, {"score": score(point)}) for point in points[:most]]
    suggest(DEFINITION, outcomes[:10], [], 10, 0)  # imports
    print("observations   limit   " + "   ".join(f"{count:2d} open" for count in OPEN))
    for count, limit in LIMITS.items():
        if count <= most:
            waiting = [[Suggestion(point) for point in points[most : most + number]] for number in OPEN]
            seconds = [cpu_seconds(outcomes[:count], each) for each in waiting]
            print(
                f"{count:12d}   {limit:4.1f} s  " + "   ".join(f"{each:5.2f} s" for each in seconds),
                flush=True,
            )


def score(point: Assignments) -> float:
    """Return a bowl whose sides are unequally steep."""
    return -sum((float(value) - 0.3) ** 2 * (index + 1) for index, value in enumerate(point.values()))


def cpu_seconds(outcomes: list[Observation], waiting: list[Suggestion]) -> float:
    """Return the median over several suggestions of different random numbers."""
    seconds = []
    for repeat in range(REPEATS):
        start = time.process_time()
        suggest(DEFINITION, outcomes, waiting, len(outcomes) + repeat, 0)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
