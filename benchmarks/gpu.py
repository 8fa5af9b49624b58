"""Training and searching on a GPU, measured in one run.

All train the network and the data of the default experiment:

    a  `baseline_training.py`: one clip at a time in workers, dense masks, a plain Lightning Trainer
    b  `train.py` itself, with each trainer.step: eager, graph, compile
    c  a loop of plain PyTorch over sigtune's model and batches, its step one CUDA graph

Then whole searches run with one slot, two and four on the GPU, in each step but the compiled one. Their
figures are suggestions an hour by the clock, and as many as the slots would do once their processes have
started; and the most memory of the GPU that was in use meanwhile, this machine's other programs among it.

    python benchmarks/gpu.py [--quick] [--cpu]

--cpu rehearses it without a GPU: steps are eager then, and the figures are of this processor.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

import train_speed
from epoch_clock import now, seconds_between
from options import option_parser
from sigtune.job.outcome import read_outcome
from sigtune.training.graphed_step import CudaRecorder, GraphedStep, Recorder, Step

LOOP = "bare-graph-loop"
STEPS = ("eager", "graph", "compile")
SLOTS = (1, 2, 4)
SAMPLE_SECONDS = 0.25


@dataclass(frozen=True)
class Plan:
    """What is measured: on which device, how many epochs of a training, how many jobs of how many epochs."""

    device: str
    epochs: int = 8
    jobs: int = 12
    job_epochs: int = 30
    overrides: Sequence[str] = ()


def main() -> None:
    parser = option_parser(__doc__)
    parser.add_argument("--cpu", action="store_true", help="rehearse without a GPU")
    plan = _plan(parser.parse_args())
    if plan is None:
        parser.error("this machine has no GPU that torch knows of; --cpu rehearses without one")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, train_speed.__file__, "make-data", folder], check=True)
        clips = json.loads((Path(folder) / "clips.json").read_text())
        name = torch.cuda.get_device_name() if plan.device == "cuda" else "rehearsal on the cpu"
        batches = f"epochs of {clips} clips, batches of {train_speed.BATCH_SIZE}"
        print(f"{name}, torch {torch.__version__}; {batches}", flush=True)
        show_training(plan, folder, clips)
        show_searches(plan, Path(folder))


def _plan(given: argparse.Namespace) -> Plan | None:
    if given.cpu:
        small = ("data.train_size=400", "data.validation_size=110", "data.test_size=110")
        return Plan("cpu", epochs=2, jobs=4, job_epochs=1, overrides=small)
    if not torch.cuda.is_available():
        return None
    return Plan("cuda", epochs=4, jobs=4, job_epochs=10) if given.quick else Plan("cuda")


def show_training(plan: Plan, folder: str, clips: int) -> None:
    """Print each way's line as soon as it is known, and go on after one that failed."""
    seconds: dict[str, float] = {}

    def show(label: str, run: Callable[[], float]) -> None:
        try:
            seconds[label] = epoch = run()
        except (SystemExit, subprocess.CalledProcessError) as error:
            seconds[label] = math.nan
            print(f"  {label:16} failed\n{error}", flush=True)
            return
        times = seconds["a"] / epoch
        print(f"  {label:16}{clips / epoch:10.0f} clips/s{epoch:9.3f} s an epoch{times:8.2f} × a", flush=True)

    fastest = partial(train_speed.fastest_epoch, device=plan.device, folder=folder, epochs=plan.epochs)
    show("a", partial(fastest, "baseline"))
    for step in STEPS:
        show(f"b, step={step}", partial(fastest, "sigtune", overrides=[f"trainer.step={step}"]))
    show("c", partial(_fastest_of_bare_loop, plan, folder))
    graphed = seconds["b, step=graph"]
    print(f"  b, step=graph takes {100 * (graphed / seconds['c'] - 1):+.1f} % beside c (goal: 15 at most)")
    print(f"  b, step=graph is {seconds['a'] / graphed:.1f} times as fast as a (goal: 10)", flush=True)


def show_searches(plan: Plan, folder: Path) -> None:
    print(f"searches of {plan.jobs} jobs of {plan.job_epochs} epochs")
    for step in STEPS[:2]:
        found = {}
        for slots in SLOTS:
            found[slots] = search(plan, folder, slots, step)
            print(f"  step={step}, {slots} slot{'s' if slots > 1 else ' '}  {found[slots]}", flush=True)
        gain = found[4].started_hourly / found[1].started_hourly
        print(f"  four slots do {gain:.2f} times as many as one, once started (goal: 3)", flush=True)


@dataclass(frozen=True)
class Search:
    """What came of a search: jobs that ended with metrics, of all; by the clock; the most memory in use."""

    done: int
    jobs: int
    hourly: float
    started_hourly: float
    memory_mib: int | None

    def __str__(self) -> str:
        memory = "unknown" if self.memory_mib is None else f"{self.memory_mib} MiB"
        return (
            f"{self.hourly:6.0f} suggestions/hour, {self.started_hourly:6.0f} once started, "
            f"{self.done} of {self.jobs} done, GPU memory {memory}"
        )


def search(plan: Plan, folder: Path, slots: int, step: str) -> Search:
    """Run a whole search, in a store of its own."""
    place = folder / f"{step}-{slots}"
    command = [
        *(sys.executable, str(train_speed.ROOT / "train.py"), "-m", "hydra/sweeper=sigopt"),
        *("experiment=sparse_cnn_onecyclelr", f"data_dir={folder}", f"trainer.step={step}"),
        *(f"trainer.gpus={int(plan.device == 'cuda')}", f"trainer.max_epochs={plan.job_epochs}"),
        *(f"hydra/launcher={'basic' if slots == 1 else 'joblib'}", f"sigopt.parallel_bandwidth={slots}"),
        *(f"sigopt.observation_budget={plan.jobs}", f"sigopt.store=sqlite:///{place}.db"),
        *(f"hydra.sweep.dir={place}", *plan.overrides),
    ]
    begun = time.perf_counter()
    with gpu_memory() as highest:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    outcomes = [read_outcome(path.parent) for path in sorted(place.glob("*/outcome.json"))]
    durations = sorted(one.seconds for one in outcomes if one is not None and one.values)
    if not durations:
        sys.exit(ended.stdout + ended.stderr)
    median = durations[len(durations) // 2]
    hourly = 3600 * len(durations) / seconds
    return Search(len(durations), plan.jobs, hourly, 3600 * slots / median, highest.get("mib"))


@contextmanager
def gpu_memory() -> Iterator[Mapping[str, int]]:
    """Note in a mapping, as `mib`, the most memory of the GPU that is in use inside the block."""
    highest: dict[str, int] = {}
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"]
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            try:
                asked = subprocess.run(query, capture_output=True, text=True, check=True)
            except (OSError, subprocess.CalledProcessError):
                return
            highest["mib"] = max(highest.get("mib", 0), int(asked.stdout.split()[0]))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield highest
    finally:
        ended.set()
        thread.join()


def _fastest_of_bare_loop(plan: Plan, folder: str) -> float:
    result = Path(folder) / "seconds.json"
    environment = {**os.environ, "THP_MEM_ALLOC_ENABLE": "1"}  # as `sigtune.training` has it
    subprocess.run(
        [sys.executable, __file__, LOOP, folder, plan.device, str(plan.epochs)], env=environment, check=True
    )
    seconds: list[float] = json.loads(result.read_text())
    return min(seconds[1:])


class TakenAgain:
    """What stands in for CUDA's graphs in a rehearsal."""

    def warm_up(self, step: Step) -> Tensor:
        return step()

    def capture(self, step: Step) -> Step:
        return step


def bare_loop(folder: str, device: str, epochs: str) -> None:
    """Train with nothing around the loop, and write down the seconds of each epoch."""
    from configured import default_data, network
    from sigtune.models.k_winners import decay_boost_strength

    torch.set_float32_matmul_precision("high")  # as `train.py` has it on a GPU
    data = default_data(folder, train_speed.BATCH_SIZE, device)
    data.prepare_data()
    data.setup("fit")
    batches = data.train_dataloader()
    model = network("le_sparse_net").to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.11, weight_decay=1e-4, fused=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.11, total_steps=int(epochs) * len(batches), pct_start=0.15, cycle_momentum=False
    )
    recorder: Recorder = CudaRecorder() if device == "cuda" else TakenAgain()

    def loss(images: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(model(images), targets)

    step = GraphedStep(loss, optimizer, lambda: None, recorder)
    autocast = torch.autocast(device, torch.bfloat16, enabled=False)
    times = [now()]
    for epoch in range(int(epochs)):
        batches.sampler.set_epoch(epoch)
        model.train()
        for images, targets in batches:
            step(images, targets)
            scheduler.step()
        decay_boost_strength(model)
        train_speed.validate(model, data.val_dataloader(), autocast)
        times.append(now())
    (Path(folder) / "seconds.json").write_text(json.dumps(seconds_between(times)))


if __name__ == "__main__":
    if sys.argv[1:2] == [LOOP]:
        bare_loop(*sys.argv[2:])
    else:
        main()
