"""What slots cost a search: how soon they are all busy, the controller's CPU, the memory of a worker.

Called by sweeper_speed.py. Jobs run through the joblib launcher, a worker process for each slot.
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


def sweep(folder: Path, slots: int, jobs: int, seconds: float) -> Usage:
    """Run a sweep of sleeping jobs, and sample what it uses."""
    folder.mkdir(parents=True)
    budget = [f"sigopt.parallel_bandwidth={slots}", f"sigopt.observation_budget={jobs}"]
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


def show_slots(folder: Path, counts: list[int]) -> None:
    """Print the time until the fourth of four jobs runs, the CPU of a job, and the memory of a worker."""
    filling = sweep(folder / "fill", slots=4, jobs=4, seconds=1)
    print("four slots, a worker each")
    print(f"  from the first job's start to the fourth's   {filling.begun[3] - filling.begun[0]:5.2f} s")
    print(f"  memory of a worker                           {_mean(filling.worker_mb):5.0f} MB")
    print("CPU of the controller a job")
    for slots in counts:
        few = sweep(folder / f"few_{slots}", slots, jobs=slots, seconds=0.2)
        many = sweep(folder / f"many_{slots}", slots, jobs=3 * slots, seconds=0.2)
        seconds = (many.cpu - few.cpu) / (2 * slots)
        print(f"  {slots:>3} slots                                    {seconds:6.3f} s")


def _mean(values: dict[int, float]) -> float:
    return sum(values.values()) / max(1, len(values))
