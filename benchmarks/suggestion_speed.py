"""How long the embedded backend takes for a suggestion, through the official client and a SQLite store.

Four double parameters and one metric, as in the default experiment: the time that a free slot waits for its
next job. Each line is the median over several suggestions drawn at the same observations.

    python benchmarks/suggestion_speed.py [--quick]
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sigopt import Connection

from options import read_options
from sigtune.backend.driver import LocalDriver

OBSERVATIONS = (10, 20, 50)
REPEATS = 9
PARAMETERS = [
    {"name": "max_lr", "type": "double", "bounds": {"min": 0.01, "max": 1.5}},
    {"name": "div_factor", "type": "double", "bounds": {"min": 30, "max": 100}},
    {"name": "pct_start", "type": "double", "bounds": {"min": 0.03, "max": 0.15}},
    {"name": "weight_decay", "type": "double", "bounds": {"min": 0.00001, "max": 0.001}},
]


def main() -> None:
    quick = read_options(__doc__).quick
    targets, repeats = (OBSERVATIONS[:2], 3) if quick else (OBSERVATIONS, REPEATS)
    with tempfile.TemporaryDirectory() as folder:
        driver = LocalDriver(f"sqlite:///{Path(folder) / 'sigopt.db'}")
        connection = Connection(driver=lambda: driver)
        experiment = connection.experiments().create(
            name="speed", parameters=PARAMETERS, metrics=[{"name": "accuracy"}], observation_budget=60
        )
        search = connection.experiments(experiment.id)
        print("observations   one slot   with a suggestion open")
        for target in targets:
            observe_until(search, target)
            alone = seconds_per_suggestion(search, repeats)
            waiting = search.suggestions().create()
            beside_another = seconds_per_suggestion(search, repeats)
            search.suggestions(waiting.id).delete()
            ratio = beside_another / alone
            print(
                f"{target:12d}   {1000 * alone:5.0f} ms   {1000 * beside_another:5.0f} ms {ratio:5.2f} ×",
                flush=True,
            )
        driver.close()


def observe_until(search: Any, target: int) -> None:
    noise = random.Random(target)
    while search.fetch().progress.observation_count < target:
        suggestion = search.suggestions().create()
        value = accuracy(suggestion.assignments) + noise.gauss(0, 0.005)
        search.observations().create(suggestion=suggestion.id, values=[{"name": "accuracy", "value": value}])


def seconds_per_suggestion(search: Any, repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        suggestion = search.suggestions().create()
        seconds.append(time.perf_counter() - start)
        search.suggestions(suggestion.id).delete()
    return statistics.median(seconds)


def accuracy(assignments: dict[str, float]) -> float:
    """Return a smooth stand-in for a trained accuracy, best inside the space."""
    goal = {"max_lr": 0.4, "div_factor": 50.0, "pct_start": 0.1, "weight_decay": 0.0003}
    return 0.9 - sum(((assignments[name] - best) / best) ** 2 / 20 for name, best in goal.items())


if __name__ == "__main__":
    main()
