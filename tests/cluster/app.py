"""A Hydra app whose job counts to `steps`, slowly, and goes on from its checkpoint when it is run again.

It notes where and how far it ran in the folder `trace`, which every node sees, unlike the sweep's folder.
"""

import os
import signal
import sys
import time
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="conf", config_name="app")
def main(config: DictConfig) -> float:
    """Count from the checkpoint to the number of steps; return the height at x."""
    number = HydraConfig.get().job.num
    checkpoint = Path(HydraConfig.get().runtime.output_dir) / "checkpoint"
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    note(config, number, f"begin {done} {os.getpid()} {os.environ.get('SLURMD_NODENAME', '-')} {time.time()}")
    print(f"job {number} is at step {done}", flush=True)
    for step in range(done + 1, config.steps.get(number, config.steps.other) + 1):
        time.sleep(config.step_seconds)
        end(config.ends.get(number, ""))
        save(checkpoint, step)
    note(config, number, f"end {time.time()}")
    return -abs(float(config.x) - 3)


def save(checkpoint: Path, step: int) -> None:
    """Write the checkpoint so that a kill leaves the old one or the new."""
    draft = checkpoint.with_suffix(".draft")
    draft.write_text(str(step))
    draft.replace(checkpoint)


def note(config: DictConfig, number: int, line: str) -> None:
    """Add a line to the job's trace."""
    with (Path(config.trace) / str(number)).open("a") as file:
        file.write(line + "\n")


def end(way: str) -> None:
    """End the job by itself, in one of the ways in which jobs fail."""
    if way == "raise":
        raise ValueError("no good")
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "exit":
        sys.exit(5)
    if way == "memory":
        taken = bytearray(3_000_000_000)  # zeroed pages are not there before they are written to
        taken[::4096] = b"x" * len(taken[::4096])
        time.sleep(60)


if __name__ == "__main__":
    main()
