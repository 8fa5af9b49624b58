"""What slots cost a search: how soon they are all busy, the controller's CPU, the memory of a worker.

Called by sweeper_speed.py. Jobs run through the joblib launcher, a worker process for each slot. The CPU of
the search itself is that of a random one; with models a suggestion comes to it, with its libraries imported.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

APP = Path(__file__).parent / "sweeper_app.py"
SAMPLE_SECONDS = 0.2


@dataclass
class Usage:
    """What a sweep used: CPU seconds of the controller alone, and each worker's own megabytes at the last."""

    cpu: float = 0.0
    worker_mb: dict[int, float] = field(default_factory=dict)
    begun: list[float] = field(default_factory=list)


def sweep(folder: Path, slots: int, jobs: int, seconds: float, kind: str = "offline") -> Usage:
    """Run a sweep of sleeping jobs, and sample what it uses; `kind` is the type of its experiment."""
    folder.mkdir(parents=True)
    budget = [
        f"sigopt.parallel_bandwidth={slots}",
        f"sigopt.observation_budget={jobs}",
        f"+sigopt.type={kind}",
    ]
    command = [sys.executable, str(APP), "--config-name", "sigopt", "-m", "hydra/launcher=joblib"]
    where = [f"hydra.sweep.dir={folder}/sweep", f"hydra.launcher.n_jobs={slots}"]
    usage = Usage()
    with subprocess.Popen(
        [*command, *budget, f"seconds={seconds}", *where], cwd=folder, stdout=subprocess.DEVNULL
    ) as process:
        controller = psutil.Process(process.pid)
        while process.poll() is None:
            with suppress(psutil.Error):
                _sample(controller, usage)
            time.sleep(SAMPLE_SECONDS)
    assert process.returncode == 0
    usage.begun = sorted(float(path.read_text().split()[0]) for path in folder.glob("sweep/*/times"))
    return usage


def _sample(controller: psutil.Process, usage: Usage) -> None:
    times = controller.cpu_times()
    usage.cpu = times.user + times.system
    for child in controller.children():
        if "loky" in " ".join(child.cmdline()) and "tracker" not in " ".join(child.cmdline()):
            usage.worker_mb[child.pid] = child.memory_full_info().uss / 1e6


def show_slots(folder: Path, counts: list[int], modelled: list[int]) -> None:
    """Print the time until the fourth of four jobs runs, the CPU of a job, and the memory of a worker.

    `counts` are the numbers of slots of a random search, `modelled` those of one with models.
    """
    filling = sweep(folder / "fill", slots=4, jobs=4, seconds=1)
    print("four slots, a worker each")
    print(f"  from the first job's start to the fourth's   {filling.begun[3] - filling.begun[0]:5.2f} s")
    print(f"  memory of an idle worker                     {_mean(filling.worker_mb):5.0f} MB")
    print("CPU of the controller a job")
    for slots in counts:
        seconds = _cpu_of_a_job(folder, slots, 1, "random")
        print(f"  {slots:>3} slots, the search itself               {seconds:6.3f} s")
    for slots in modelled:
        seconds = _cpu_of_a_job(folder, slots, 3, "offline")
        print(f"  {slots:>3} slots, with the model's suggestion     {seconds:6.3f} s")


def _cpu_of_a_job(folder: Path, slots: int, rounds: int, kind: str) -> float:
    """Return the CPU of one of the jobs that two more rounds of all slots are, after the first rounds."""
    few, many = (
        sweep(folder / f"{kind}_{slots}_{count}", slots, count * slots, 0.2, kind).cpu
        for count in (rounds, rounds + 2)
    )
    return (many - few) / (2 * slots)


def _mean(values: dict[int, float]) -> float:
    return sum(values.values()) / max(1, len(values))
