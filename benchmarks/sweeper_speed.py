"""The sweeper beside hydra-optuna-sweeper on jobs of unequal length, and its own work between two jobs.

    python benchmarks/sweeper_speed.py

Jobs sleep 2 s, every fourth one 20 s. The ideal is what the same jobs take in the same order when each slot
takes the next one at once and nothing else costs time. The peer needs an Optuna of its own, so it is
installed into a virtual environment in a temporary folder. Both sweepers run in turn, for --rounds rounds.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

APP = Path(__file__).parent / "sweeper_app.py"
SLOTS = 4
JOBS = 16
SHORT = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        peer = install_peer(folder / "peer")
        sweepers = {"sigopt": (sys.executable, sigopt()), "optuna": (peer, optuna())}
        spans: dict[str, list[float]] = {name: [] for name in sweepers}
        for number in range(rounds):
            for name, (python, arguments) in sweepers.items():
                times = sweep(python, name, arguments, folder / f"{name}{number}")
                spans[name].append(max(end for _, end in times) - min(start for start, _ in times))
        show_spans(spans)
        show_overhead(folder / "overhead")


def install_peer(folder: Path) -> str:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    packages = ["hydra-core==1.3.8", "hydra-optuna-sweeper", "hydra-joblib-launcher"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return str(python)


def sigopt() -> list[str]:
    return [f"sigopt.parallel_bandwidth={SLOTS}", f"sigopt.observation_budget={JOBS}"]


def optuna() -> list[str]:
    return [f"hydra.sweeper.n_jobs={SLOTS}", f"hydra.sweeper.n_trials={JOBS}"]


def sweep(python: str, name: str, arguments: list[str], folder: Path) -> list[tuple[float, float]]:
    """Run a sweep through the joblib launcher; return when each job began and ended."""
    command = [python, str(APP), "--config-name", name, "-m", "hydra/launcher=joblib", f"seconds={SHORT}"]
    return run([*command, f"hydra.launcher.n_jobs={SLOTS}", *arguments], folder)


def run(command: list[str], folder: Path) -> list[tuple[float, float]]:
    folder.mkdir(parents=True)
    where = f"hydra.sweep.dir={folder}/sweep"
    subprocess.run([*command, where], cwd=folder, check=True, capture_output=True)
    texts = [path.read_text().split() for path in folder.glob("sweep/*/times")]
    return sorted((float(begun), float(ended)) for begun, ended in texts)


def ideal() -> float:
    """Return how long the jobs take with no overhead: each goes to the slot that is free first."""
    slots = [0.0] * SLOTS
    for number in range(JOBS):
        free = heapq.heappop(slots)
        heapq.heappush(slots, free + SHORT * (10 if number % 4 == 0 else 1))
    return max(slots)


def show_spans(spans: dict[str, list[float]]) -> None:
    best = ideal()
    print(f"{JOBS} jobs in {SLOTS} slots, first start to last end, best of {len(spans['sigopt'])} rounds")
    print(f"  ideal                       {best:6.2f} s")
    for name, label in (("sigopt", "sigtune's sweeper"), ("optuna", "hydra-optuna-sweeper")):
        span = min(spans[name])
        print(f"  {label:<26}  {span:6.2f} s   {span / best:.2f} × ideal")
    print(f"  optuna / sigtune            {min(spans['optuna']) / min(spans['sigopt']):6.2f} ×")


def show_overhead(folder: Path) -> None:
    """Print the time between two jobs, and what of it is left without a search: Hydra's basic sweeper."""
    app = [sys.executable, str(APP), "--config-name", "sigopt", "-m"]
    budget = "sigopt.observation_budget=61"
    points = "x=" + ",".join(str(number) for number in range(12))
    search = median_gap(run([*app, budget], folder / "search")[50:])
    plain = median_gap(run([*app, "hydra/sweeper=basic", points], folder / "plain"))
    worker = median_gap(run([*app, "hydra/launcher=joblib", budget], folder / "worker")[50:])
    print("between two jobs in a slot, 50 to 60 observations, median")
    print(f"  basic launcher                {search * 1000:4.0f} ms")
    print(f"  the same without a search     {plain * 1000:4.0f} ms")
    print(f"  the search's own              {(search - plain) * 1000:4.0f} ms")
    print(f"  joblib launcher, a worker     {worker * 1000:4.0f} ms")


def median_gap(times: list[tuple[float, float]]) -> float:
    return statistics.median(later[0] - earlier[1] for earlier, later in itertools.pairwise(times))


if __name__ == "__main__":
    main()
