"""A Hydra app whose jobs end as the config says: `ends` has a way to end for some job numbers."""

import os
import signal
import sys
import time
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from sigtune.checks.preflight import preflight
from sigtune.errors import Code, Problem, UsageError


def lacking(cfg: DictConfig) -> list[Problem]:
    """Return that this machine does not have what the config asks for with `+elsewhere=true`."""
    problem = Problem("elsewhere", "this machine is here", "another", code=Code.THIS_MACHINE)
    return [problem] if cfg.get("elsewhere") else []


@hydra.main(version_base="1.3", config_path="conf", config_name="app")
@preflight(lacking)
def main(cfg: DictConfig) -> dict[str, float] | list[float] | float:
    hydra_config = HydraConfig.get()
    number = hydra_config.job.num if hydra_config.mode == RunMode.MULTIRUN else 0
    folder = Path(hydra_config.runtime.output_dir)
    is_first_start = not (folder / "starts").exists()
    with (folder / "starts").open("a") as file:
        file.write(f"{time.time()}\n")
    # Only the first time, for a job that is run again need not keep the test waiting.
    time.sleep(cfg.lengths.get(number, cfg.seconds) if is_first_start else cfg.seconds)
    way = cfg.ends.get(number, "well")
    end(way.removesuffix("_at_first") if is_first_start or not way.endswith("_at_first") else "well")
    (folder / "end").write_text(str(time.time()))
    result: dict[str, float] = {"height": -abs(cfg.x - 3) + cfg.seed / 100, "size": float(cfg.size)}
    match cfg.returns.get(number, "mapping"):
        case "sequence":
            return list(result.values())
        case "float":
            return result["height"]
    return result


def end(way: str) -> None:
    if way == "raise":
        raise ValueError("no good [at all]")
    if way == "usage":
        raise UsageError([Problem("size", "is wrong", "1")])
    if way == "exit":
        sys.exit(5)
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "os_exit":
        os._exit(7)
    if way == "breakpoint":
        breakpoint()
    if way == "set_trace":
        import pdb

        pdb.set_trace()


if __name__ == "__main__":
    # As where it is not installed: pictures take an eighth of a sweep's time, and tests/report has them.
    sys.modules["matplotlib.figure"] = None  # type: ignore[assignment]
    main()
