"""Training speed, side by side: the usual implementation, sigtune, and a bare PyTorch loop as the limit.

All train the network and the data of the default experiment, with the same augmentation and front end:

    a  `baseline_training.py`: one clip at a time in workers, dense masks, a plain Lightning Trainer
    b  `train.py` itself, and once more with trainer.precision=32-true, the precision of a
    c  a loop of plain PyTorch over sigtune's model and batches, the data on the device, in b's precision
    d  the same over images made beforehand: the network alone

The figure is the training clips of an epoch per second of the whole epoch, the validation included, and for
a and b logging and the checkpoint too. Each way runs in a process of its own, in rounds that alternate; the
first epoch warms up, and each way's fastest epoch counts, so that what else the machine does falls on all
alike. How much longer b takes than c and d is told of the round in the middle, in which they ran within a
minute.

    python benchmarks/train_speed.py [--quick] [overrides of b, such as trainer.step=compile]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from epoch_clock import now, seconds_between
from options import Options, read_options

ROOT = Path(__file__).resolve().parent.parent
BATCH_SIZE = 128
EPOCHS = 4
ROUNDS = 7
QUICK_EPOCHS = 2
WAYS = {
    "baseline": "a  usual implementation",
    "sigtune": "b  sigtune, train.py",
    "float32": "   the same, 32-true",
    "bare": "c  bare PyTorch loop",
    "network": "d  the same, images ready",
}

Batches = Iterable[tuple[Tensor, Tensor]]


def main(options: Options) -> None:
    rounds, epochs = (1, QUICK_EPOCHS) if options.quick else (ROUNDS, EPOCHS)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, "make-data", folder], check=True)
        clips = json.loads((Path(folder) / "clips.json").read_text())
        for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
            # On most processors 32-true is what `auto` is: a quick look does without it.
            ways = {way: label for way, label in WAYS.items() if not (options.quick and way == "float32")}
            seconds: dict[str, list[float]] = {way: [] for way in ways}
            for number in range(1, rounds + 1):
                for way, label in ways.items():
                    seconds[way].append(fastest_epoch(way, device, folder, epochs, options.overrides))
                    said = f"round {number} of {rounds}  {label:28}{seconds[way][-1]:8.3f} s"
                    print(said, file=sys.stderr, flush=True)
            show(device, seconds, clips)


def show(device: str, seconds: Mapping[str, Sequence[float]], clips: int) -> None:
    name = torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    print(f"{name}; epochs of {clips} clips, batches of {BATCH_SIZE}")
    fastest = {way: min(of_rounds) for way, of_rounds in seconds.items()}
    for way in seconds:
        ratio = fastest["baseline"] / fastest[way]
        print(f"  {WAYS[way]:28}{clips / fastest[way]:9.0f} clips/s{fastest[way]:8.3f} s{ratio:7.2f} × a")
    for way in ("bare", "network"):
        rounds = [b / other for b, other in zip(seconds["sigtune"], seconds[way], strict=True)]
        share = 100 * (statistics.median(rounds) - 1)
        print(f"  an epoch of b takes {share:+.1f} % beside {WAYS[way][0]}, in the median of the rounds")


def fastest_epoch(way: str, device: str, folder: str, epochs: int, overrides: Sequence[str] = ()) -> float:
    """Run one way in a process of its own; return the seconds of its fastest epoch but the first."""
    result = Path(folder) / "seconds.json"
    if way in {"sigtune", "float32"}:
        command = [
            str(ROOT / "train.py"),
            "experiment=sparse_cnn_onecyclelr",
            f"trainer.max_epochs={epochs}",
            f"trainer.gpus={int(device == 'cuda')}",
            f"data.batch_size={BATCH_SIZE}",
            f"data_dir={folder}",
            "+callbacks.clock._target_=epoch_clock.EpochClock",
            f"+callbacks.clock.path={result}",
            *(["trainer.precision=32-true"] if way == "float32" else []),
            *overrides,
        ]
    else:
        command = [__file__, way, folder, device, str(epochs)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    if way in {"bare", "network"}:
        environment["THP_MEM_ALLOC_ENABLE"] = "1"  # as `sigtune.training` has it, before torch is imported
    ended = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        sys.exit(ended.stderr)
    seconds: list[float] = json.loads(result.read_text())
    return min(seconds[1:])


def run_one(way: str, folder: str, device: str = "cpu", epochs: str = "0") -> None:
    result = Path(folder) / "seconds.json"
    if way == "make-data":
        from configured import default_data

        clips = len(default_data(folder, BATCH_SIZE).source.load("train").targets)
        (Path(folder) / "clips.json").write_text(json.dumps(clips))
    elif way == "baseline":
        import baseline_training
        from configured import default_data
        from epoch_clock import EpochClock

        source = default_data(folder, BATCH_SIZE).source
        data = (source.load("train"), source.load("validation"))
        baseline_training.train(
            data, BATCH_SIZE, int(epochs), device == "cuda", folder, EpochClock(str(result))
        )
    else:
        result.write_text(json.dumps(bare_loop(folder, device, int(epochs), images_ready=way == "network")))


def bare_loop(folder: str, device: str, epochs: int, images_ready: bool) -> list[float]:
    """Train with nothing around the loop; return the seconds of each epoch."""
    from configured import default_data, network
    from sigtune.training.host_memory import reuse_freed_memory
    from sigtune.training.precision import chosen_precision

    reuse_freed_memory()  # as b does: what is measured is the loop
    data = default_data(folder, BATCH_SIZE, device)
    data.prepare_data()
    data.setup("fit")
    train_batches: Batches = data.train_dataloader()
    steps = len(data.train_dataloader())
    if images_ready:
        train_batches = list(train_batches)
    model = network("le_sparse_net").to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.11, weight_decay=1e-4, fused=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.11, total_steps=epochs * steps, pct_start=0.15, cycle_momentum=False
    )
    half = chosen_precision("auto", gpus=int(device == "cuda")) == "bf16-mixed"
    autocast = torch.autocast(device, torch.bfloat16, enabled=half, cache_enabled=False)
    times = [now()]
    for _ in range(epochs):
        train_epoch(model, train_batches, optimizer, scheduler, autocast)
        validate(model, data.val_dataloader(), autocast)
        times.append(now())
    return seconds_between(times)


def train_epoch(
    model: nn.Module,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    autocast: torch.autocast,
) -> None:
    from sigtune.models.k_winners import decay_boost_strength

    model.train()
    for images, targets in batches:
        optimizer.zero_grad()
        with autocast:
            loss = functional.cross_entropy(model(images), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()
    decay_boost_strength(model)


@torch.inference_mode()
def validate(model: nn.Module, batches: Batches, autocast: torch.autocast) -> float:
    model.eval()
    with autocast:
        right = sum((model(images).argmax(dim=1) == targets).sum() for images, targets in batches)
    return float(right)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in {"make-data", *WAYS}:
        run_one(*sys.argv[1:])
    else:
        main(read_options(__doc__, takes_overrides=True))
