"""A search that looks like one: a store and the folder of its jobs, the same at every call.

No training is run: accuracy is a smooth function of the assignments with a little noise, and the files of
each job are those that a training leaves.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sigopt import Connection
from sigopt.resource import BoundApiResource

from sigtune.backend.driver import LocalDriver
from sigtune.job.outcome import Outcome, write_outcome
from sigtune.search.jobs import Job
from sigtune.search.journal import Journal

DEFINITION: dict[str, Any] = {
    "name": "sparse_gsc_onecyclelr",
    "parameters": [
        {
            "name": "max_lr",
            "type": "double",
            "bounds": {"min": 0.001, "max": 1.5},
            "transformation": "log",
        },
        {"name": "div_factor", "type": "double", "bounds": {"min": 30, "max": 100}},
        {"name": "pct_start", "type": "double", "bounds": {"min": 0.03, "max": 0.3}},
        {
            "name": "weight_decay",
            "type": "double",
            "bounds": {"min": 1e-5, "max": 1e-3},
            "transformation": "log",
        },
    ],
    "metrics": [
        {"name": "accuracy", "objective": "maximize"},
        {"name": "seconds", "objective": "minimize", "strategy": "store"},
    ],
    "observation_budget": 60,
    "parallel_bandwidth": 4,
}
EPOCHS = 12


@contextmanager
def example_search(folder: Path, observations: int = 44) -> Iterator[tuple[str, BoundApiResource]]:
    """Make the search in `folder`; give the URL of its store, and the experiment."""
    url = f"sqlite:///{folder / 'sigopt.db'}"
    with closing(LocalDriver(url)) as driver:
        connection = Connection(driver=lambda: driver)
        client = connection.tokens("self").fetch().client
        connection.clients(client).projects().create(id="gsc", name="Speech commands")
        sweep = folder / "multirun" / "2026-11-27" / "09-30-00"
        sweep.mkdir(parents=True)
        metadata = {"sweep_dir": str(sweep), "notes": "ten digits, four slots"}
        created = connection.experiments().create(**DEFINITION, project="gsc", metadata=metadata)
        search = connection.experiments(created.id)
        journal = Journal(sweep)
        journal.begin(str(created.id))
        randomness = random.Random(4)
        for number in range(1, observations + 4):
            job = _start(search, journal, randomness, number)
            if number <= observations:
                _observe(search, journal, randomness, job)
        yield url, search


def _start(search: BoundApiResource, journal: Journal, randomness: random.Random, number: int) -> Job:
    assignments = _assignments(randomness, number)
    suggestion = search.suggestions().create(assignments=assignments)
    overrides = [
        f"scheduler.{name}={value!r}" for name, value in assignments.items() if name != "weight_decay"
    ]
    overrides.append(f"optimizer.weight_decay={assignments['weight_decay']!r}")
    job = Job(number, str(suggestion.id), assignments, ["trainer.gpus=1", *overrides])
    journal.add(job)
    run = journal.begin_attempt(replace(job.runs()[0], slot=number % 4 + 1))
    folder = journal.run_folder(run)
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {each}\n" for each in job.overrides))
    (folder / ".hydra" / "config.yaml").write_text(f"scheduler: {json.dumps(assignments)}\n")
    (folder / "attempt").write_text("1")
    return job


def _observe(search: BoundApiResource, journal: Journal, randomness: random.Random, job: Job) -> None:
    folder = journal.job_folder(job.number)
    metadata: dict[str, Any] = {"job": job.number}
    accuracy = _accuracy(job.assignments) + randomness.gauss(0, 0.006)
    if job.assignments["max_lr"] > 1.1:
        metadata["reason"] = f"loss became NaN in epoch {job.number % 3 + 1}"
        write_outcome(folder, Outcome(reason=metadata["reason"], seconds=31.0, attempt=1))
        (folder / "error.log").write_text(f"FloatingPointError: {metadata['reason']}\n")
        search.observations().create(suggestion=job.suggestion, failed=True, metadata=metadata)
    else:
        seconds = 95 + randomness.gauss(0, 6)
        write_outcome(folder, Outcome({"accuracy": accuracy, "seconds": seconds}, seconds=seconds, attempt=1))
        _write_curves(folder, accuracy)
        values = [{"name": "accuracy", "value": accuracy}, {"name": "seconds", "value": seconds}]
        search.observations().create(suggestion=job.suggestion, values=values, metadata=metadata)
    journal.mark_reported(job.number)


def _assignments(randomness: random.Random, number: int) -> dict[str, float]:
    """Return a point: anywhere at first, and nearer to the best later, as a search has them."""
    width = max(0.15, 1 - number / 40)
    place = [min(1.0, max(0.0, 0.62 + width * randomness.uniform(-0.75, 0.55))) for _ in range(4)]
    return {
        "max_lr": round(0.001 * 1500 ** place[0], 5),
        "div_factor": round(30 + 70 * place[1], 2),
        "pct_start": round(0.03 + 0.27 * place[2], 4),
        "weight_decay": round(1e-5 * 100 ** place[3], 7),
    }


def _accuracy(assignments: Mapping[str, float]) -> float:
    rate = math.log(assignments["max_lr"] / 0.12) / 3
    start = (assignments["pct_start"] - 0.18) / 0.27
    decay = math.log(assignments["weight_decay"] / 1.6e-4) / 5
    return 0.968 - 0.16 * rate**2 - 0.05 * start**2 - 0.07 * decay**2 - 0.03 * rate * decay


def _write_curves(folder: Path, accuracy: float) -> None:
    lines = ["epoch,step,loss,accuracy"]
    for epoch in range(EPOCHS):
        share = 1 - math.exp(-(epoch + 1) / 3)
        lines.append(f"{epoch},{(epoch + 1) * 100},{2.3 - 2.1 * share * accuracy:.4f},{accuracy * share:.4f}")
    (folder / "metrics").mkdir()
    (folder / "metrics" / "metrics.csv").write_text("\n".join(lines) + "\n")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"weights")
