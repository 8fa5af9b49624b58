"""The sweeper beside hydra-optuna-sweeper on jobs of unequal length, its work between jobs, and its slots.

    python benchmarks/sweeper_speed.py [--quick]

Jobs sleep 2 s, every fourth one 20 s; with --quick a quarter of that, and half as many. The ideal is what the
same jobs take in the same order when each slot takes the next one at once and nothing else costs time. The
peer needs an Optuna of its own, so it is installed into a virtual environment in a temporary folder. Where a
Slurm is there (sinfo answers), both sweepers run the jobs on it too, and so does submitit alone: what it and
Slurm take to start a job is in every way to use them.
"""

from __future__ import annotations

import heapq
import itertools
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from options import read_options
from slots import show_slots

APP = Path(__file__).parent / "sweeper_app.py"
SLOTS = 4
JOBLIB = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={SLOTS}"]
SLURM = ["hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=1"]


@dataclass(frozen=True)
class Load:
    """How many jobs there are, and how many seconds a short one sleeps."""

    jobs: int
    seconds: float

    def duration(self, number: int) -> float:
        """Return how many seconds a job sleeps."""
        return self.seconds * (10 if number % 4 == 0 else 1)

    def ideal(self) -> float:
        """Return how long the jobs take with no overhead: each goes to the slot that is free first."""
        slots = [0.0] * SLOTS
        for number in range(self.jobs):
            free = heapq.heappop(slots)
            heapq.heappush(slots, free + self.duration(number))
        return max(slots)


def main() -> None:
    quick = read_options(__doc__).quick
    load = Load(jobs=8, seconds=0.5) if quick else Load(jobs=16, seconds=2.0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        peer = install_peer(folder / "peer")
        show_spans(load, both(peer, load, folder / "joblib", JOBLIB))
        if has_slurm():
            print("on Slurm")
            spans = both(peer, load, folder / "slurm", SLURM)
            show_spans(load, {"submitit alone": span(submitit_alone(load, folder / "alone")), **spans})
        show_overhead(folder / "overhead", observations=20 if quick else 50)
        show_slots(folder / "slots", [4] if quick else [4, 16, 64], [4] if quick else [4, 16])


def both(peer: str, load: Load, folder: Path, launcher: list[str]) -> dict[str, float]:
    """Return how long the jobs took under each sweeper, through the launcher."""
    ours = sweep(sys.executable, "sigopt", [*sigopt(load), *launcher], load, folder / "sigopt")
    theirs = sweep(peer, "optuna", [*optuna(load), *launcher], load, folder / "optuna")
    return {"sigtune's sweeper": span(ours), "hydra-optuna-sweeper": span(theirs)}


def submitit_alone(load: Load, folder: Path) -> list[tuple[float, float]]:
    """Return when submitit jobs that only sleep began and ended; a free slot takes the next one at once."""
    import submitit

    def work(_: int) -> list[tuple[float, float]]:
        executor = submitit.AutoExecutor(folder=folder, cluster="slurm")
        executor.update_parameters(cpus_per_task=1, mem_gb=1)
        return [wait_for(executor.submit(sleep_for, load.duration(number))) for number in numbers]

    numbers = SharedIterator(range(load.jobs))
    with ThreadPoolExecutor(SLOTS) as slots:
        return sorted(itertools.chain(*slots.map(work, range(SLOTS))))


class SharedIterator:
    """An iterator that threads take from in turn."""

    def __init__(self, values: Iterable[int]) -> None:
        self._values = iter(values)
        self._lock = threading.Lock()

    def __iter__(self) -> SharedIterator:
        return self

    def __next__(self) -> int:
        with self._lock:
            return next(self._values)


def sleep_for(seconds: float) -> tuple[float, float]:
    begun = time.time()
    time.sleep(seconds)
    return begun, time.time()


def wait_for(job: Any) -> tuple[float, float]:
    """Return the result of a submitit job within 10 ms; `job.result` looks at growing intervals."""
    while not job.paths.result_pickle.exists():
        time.sleep(0.01)
    begun, ended = job.result()
    return begun, ended


def has_slurm() -> bool:
    if shutil.which("sinfo") is None:
        return False
    return subprocess.run(["sinfo"], capture_output=True, check=False).returncode == 0


def install_peer(folder: Path) -> str:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    packages = [
        "hydra-core==1.3.8",
        "hydra-optuna-sweeper",
        "hydra-joblib-launcher",
        "hydra-submitit-launcher",
    ]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return str(python)


def sigopt(load: Load) -> list[str]:
    return [f"sigopt.parallel_bandwidth={SLOTS}", f"sigopt.observation_budget={load.jobs}"]


def optuna(load: Load) -> list[str]:
    return [f"hydra.sweeper.n_jobs={SLOTS}", f"hydra.sweeper.n_trials={load.jobs}"]


def sweep(
    python: str, name: str, arguments: list[str], load: Load, folder: Path
) -> list[tuple[float, float]]:
    """Run a sweep; return when each job began and ended."""
    command = [python, str(APP), "--config-name", name, "-m", f"seconds={load.seconds}"]
    return run([*command, *arguments], folder)


def run(command: list[str], folder: Path) -> list[tuple[float, float]]:
    folder.mkdir(parents=True)
    where = f"hydra.sweep.dir={folder}/sweep"
    subprocess.run([*command, where], cwd=folder, check=True, capture_output=True)
    texts = [path.read_text().split() for path in folder.glob("sweep/*/times")]
    return sorted((float(begun), float(ended)) for begun, ended in texts)


def span(times: list[tuple[float, float]]) -> float:
    return max(end for _, end in times) - min(start for start, _ in times)


def show_spans(load: Load, spans: dict[str, float]) -> None:
    print(f"{load.jobs} jobs in {SLOTS} slots, first start to last end")
    print(f"  ideal                       {load.ideal():6.2f} s")
    for label, seconds in spans.items():
        print(f"  {label:<26}  {seconds:6.2f} s   {seconds / load.ideal():.2f} × ideal")


def show_overhead(folder: Path, observations: int) -> None:
    """Print the time between two jobs, and what of it is left without a search: Hydra's basic sweeper."""
    app = [sys.executable, str(APP), "--config-name", "sigopt", "-m"]
    budget = f"sigopt.observation_budget={observations + 11}"
    points = "x=" + ",".join(str(number) for number in range(12))
    search = median_gap(run([*app, budget], folder / "search")[observations:])
    plain = median_gap(run([*app, "hydra/sweeper=basic", points], folder / "plain"))
    worker = median_gap(run([*app, "hydra/launcher=joblib", budget], folder / "worker")[observations:])
    print(f"between two jobs in a slot, {observations} to {observations + 10} observations, median")
    print(f"  basic launcher                {search * 1000:4.0f} ms   {search / plain:.2f} × no search")
    print(f"  the same without a search     {plain * 1000:4.0f} ms")
    print(f"  the search's own              {(search - plain) * 1000:4.0f} ms")
    print(f"  joblib launcher, a worker     {worker * 1000:4.0f} ms   {worker / plain:.2f} × no search")


def median_gap(times: list[tuple[float, float]]) -> float:
    return statistics.median(later[0] - earlier[1] for earlier, later in itertools.pairwise(times))


if __name__ == "__main__":
    main()
